"""Who may use which route, written by hand: a route that says otherwise fails."""

from mesh.core.endpoint import Access

ANYONE, USER, ADMIN = Access.ANYONE, Access.USER, Access.ADMIN

ACCESS = {
    "register": ANYONE,
    "login": ANYONE,
    "refresh": ANYONE,
    "logout": ANYONE,
    "get_me": USER,
    "get_jwks": ANYONE,
    "change_password": USER,
    "list_sessions": USER,
    "revoke_sessions": USER,
    "revoke_session": USER,
    "list_users": ADMIN,
    "get_user": ADMIN,
    "update_user": ADMIN,
    "list_audit": ADMIN,
    "list_customers": USER,
    "get_customer": USER,
    "create_customer": ADMIN,
    "update_customer": ADMIN,
    "archive_customer": ADMIN,
    "list_products": ANYONE,
    "get_product": ANYONE,
    "create_product": ADMIN,
    "update_product": ADMIN,
    "discontinue_product": ADMIN,
    "list_categories": ANYONE,
    "list_suppliers": USER,
    "get_supplier": USER,
}
