"""How HTTP requests are caught, client by client, and how the network is blocked."""
