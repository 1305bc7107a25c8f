"""The engine: plays cases, yields events, adds up a scorecard."""
