"""The engine: plays cases, tells events, adds up a scorecard."""
