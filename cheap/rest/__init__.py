"""How catalogs TRAVEL: an app over the async facade, and two clients, by one table of routes.

``wire`` says what crosses the line; the app (``main.create_app``) and the clients (``client``) are
siblings that know the wire and not each other.
"""
