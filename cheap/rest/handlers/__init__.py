"""What the server does for each route: blocking functions of a store and a request."""
