"""The whole mesh on one screen: every endpoint with its shapes, its access and its reasons to fail."""

from typing import Any

from contracts import (
    auth,
    auth_audit,
    auth_mail,
    carts,
    customers,
    customers_import,
    notifications,
    orders,
    orders_events,
    products,
    products_categories,
    products_inventory,
    products_prices,
    products_stock,
    products_suppliers,
    shipping,
    stock,
)
from contracts.auth import AuthReason as A
from contracts.carts import CartReason as K
from contracts.customers import CustomerReason as C
from contracts.notifications import NotificationReason as N
from contracts.orders import OrderReason as O
from contracts.products import ProductReason as P
from contracts.shipping import ShippingReason as S
from mesh.core.endpoint import Access, Endpoint
from mesh.core.event import Event

ANYONE, USER, ADMIN = Access.ANYONE, Access.USER, Access.ADMIN
KIB = 1024

# One line per endpoint, readable as a table: subject, request, reply, access, then further properties.
# fmt: off
AUTH_REGISTER = Endpoint("auth.register", auth.Register, auth.User, ANYONE, keyed=True, reasons=(A.EMAIL_TAKEN, A.INVALID_EMAIL, A.WEAK_PASSWORD, A.TOO_MANY_LOGINS))
AUTH_LOGIN = Endpoint("auth.login", auth.Login, auth.Tokens, ANYONE, reasons=(A.INVALID_CREDENTIALS, A.EMAIL_NOT_VERIFIED, A.TOO_MANY_LOGINS, A.SIGNING_KEY_UNREADABLE))
AUTH_REFRESH = Endpoint("auth.refresh", auth.Refresh, auth.Tokens, ANYONE, reasons=(A.INVALID_REFRESH_TOKEN, A.SIGNING_KEY_UNREADABLE))
AUTH_LOGOUT = Endpoint("auth.logout", auth.Logout, auth.LoggedOut, ANYONE, verified=True, idempotent=True)
AUTH_ME = Endpoint("auth.me", auth.GetMe, auth.User, USER, verified=True, idempotent=True, read=True, reasons=(A.USER_NOT_FOUND,))
AUTH_JWKS = Endpoint("auth.jwks", auth.GetJwks, auth.Jwks, ANYONE, idempotent=True, read=True, max_reply=64 * KIB)
AUTH_PASSWORD_CHANGE = Endpoint("auth.password.change", auth.ChangePassword, auth.PasswordChanged, USER, verified=True, reasons=(A.WRONG_PASSWORD, A.WEAK_PASSWORD, A.TOO_MANY_LOGINS, A.USER_NOT_FOUND, A.PASSWORD_CHANGE_IN_PROGRESS))
AUTH_PASSWORD_RESET = Endpoint("auth.password.reset", auth_mail.ResetPassword, auth_mail.PasswordReset, ANYONE, reasons=(A.INVALID_MAILED_TOKEN, A.WEAK_PASSWORD, A.TOO_MANY_LOGINS))
AUTH_EMAIL_VERIFY = Endpoint("auth.email.verify", auth_mail.VerifyEmail, auth_mail.EmailVerified, ANYONE, idempotent=True, reasons=(A.INVALID_MAILED_TOKEN,))
AUTH_MAILED_TOKENS_REQUEST = Endpoint("auth.mailed_tokens.request", auth_mail.RequestMailedToken, auth_mail.MailRequested, ANYONE, reasons=(A.INVALID_EMAIL, A.TOO_MANY_LOGINS))
# Not `read`: what an operator may read without a token must not reveal one.
AUTH_MAILED_TOKENS_GET = Endpoint("auth.mailed_tokens.get", auth_mail.GetMailedToken, auth_mail.TokenToMail, ANYONE, idempotent=True, reasons=(A.MAILED_TOKEN_NOT_FOUND,))
AUTH_SESSIONS_LIST = Endpoint("auth.sessions.list", auth.ListSessions, auth.SessionPage, USER, verified=True, idempotent=True, read=True)
AUTH_SESSIONS_REVOKE = Endpoint("auth.sessions.revoke", auth.RevokeSession, auth.SessionsEnded, USER, verified=True, idempotent=True, reasons=(A.SESSION_NOT_FOUND,))
AUTH_SESSIONS_REVOKE_ALL = Endpoint("auth.sessions.revoke_all", auth.RevokeSessions, auth.SessionsEnded, USER, verified=True, idempotent=True)
AUTH_SESSIONS_REVOKED = Endpoint("auth.sessions.revoked", auth.ListRevoked, auth.RevokedPage, ANYONE, idempotent=True, read=True, max_reply=400 * KIB)
AUTH_USERS_LIST = Endpoint("auth.users.list", auth.ListUsers, auth.UserPage, ADMIN, verified=True, idempotent=True, read=True, reasons=(A.INVALID_CURSOR,))
AUTH_USERS_GET = Endpoint("auth.users.get", auth.GetUser, auth.User, ADMIN, verified=True, idempotent=True, read=True, reasons=(A.USER_NOT_FOUND,))
AUTH_USERS_UPDATE = Endpoint("auth.users.update", auth.UpdateUser, auth.User, ADMIN, verified=True, idempotent=True, reasons=(A.USER_NOT_FOUND, A.OWN_ACCOUNT, A.RIGHTS_IN_USE))
AUTH_AUDIT_LIST = Endpoint("auth.audit.list", auth_audit.ListAudit, auth_audit.AuditPage, ADMIN, verified=True, idempotent=True, read=True)
AUTH_KEYS_ROTATE = Endpoint("auth.keys.rotate", auth.RotateKeys, auth.KeyRotation, ADMIN, verified=True, idempotent=True)

CUSTOMERS_GET = Endpoint("customers.get", customers.GetCustomer, customers.Customer, USER, idempotent=True, read=True, reasons=(C.NOT_FOUND, C.ARCHIVED))
CUSTOMERS_GET_MANY = Endpoint("customers.get_many", customers.GetCustomers, customers.CustomersFound, USER, idempotent=True, read=True, max_reply=800 * KIB)
CUSTOMERS_LIST = Endpoint("customers.list", customers.ListCustomers, customers.CustomerPage, USER, idempotent=True, read=True, reasons=(C.INVALID_CURSOR,), max_request=32 * KIB, max_reply=800 * KIB)
CUSTOMERS_FACETS = Endpoint("customers.facets", customers.FacetCustomers, customers.CustomerFacets, USER, idempotent=True, read=True, max_reply=128 * KIB)
CUSTOMERS_CREATE = Endpoint("customers.create", customers.CreateCustomer, customers.Customer, ADMIN, verified=True, keyed=True, reasons=(C.EXISTS,))
CUSTOMERS_UPDATE = Endpoint("customers.update", customers.UpdateCustomer, customers.Customer, ADMIN, verified=True, keyed=True, reasons=(C.NOT_FOUND, C.ARCHIVED, C.VERSION_MISMATCH))
CUSTOMERS_ARCHIVE = Endpoint("customers.archive", customers.ArchiveCustomer, customers.Customer, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(C.NOT_FOUND, C.VERSION_MISMATCH))
CUSTOMERS_RESTORE = Endpoint("customers.restore", customers.RestoreCustomer, customers.Customer, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(C.NOT_FOUND, C.VERSION_MISMATCH))
CUSTOMERS_IMPORT_ROWS = Endpoint("customers.import_rows", customers_import.ImportRows, customers_import.RowsImported, ADMIN, verified=True, keyed=True, max_request=448 * KIB, max_reply=64 * KIB)
CUSTOMERS_HISTORY = Endpoint("customers.history", customers.GetCustomerHistory, customers.CustomerHistory, ADMIN, verified=True, idempotent=True, read=True, reasons=(C.NOT_FOUND, C.INVALID_CURSOR))

PRODUCTS_GET = Endpoint("products.get", products.GetProduct, products.Product, ANYONE, idempotent=True, read=True, cached=True, reasons=(P.NOT_FOUND,))
PRODUCTS_GET_MANY = Endpoint("products.get_many", products.GetProducts, products.ProductsFound, ANYONE, idempotent=True, read=True)
PRODUCTS_LIST = Endpoint("products.list", products.ListProducts, products.ProductPage, ANYONE, idempotent=True, read=True, cached=True, reasons=(P.INVALID_CURSOR,))
PRODUCTS_CREATE = Endpoint("products.create", products.CreateProduct, products.Product, ADMIN, verified=True, keyed=True, reasons=(P.UNKNOWN_CATEGORY, P.UNKNOWN_SUPPLIER))
PRODUCTS_UPDATE = Endpoint("products.update", products.UpdateProduct, products.Product, ADMIN, verified=True, keyed=True, reasons=(P.NOT_FOUND, P.UNKNOWN_CATEGORY, P.UNKNOWN_SUPPLIER, P.VERSION_MISMATCH, P.STOCK_OUT_OF_RANGE))
PRODUCTS_DISCONTINUE = Endpoint("products.discontinue", products.DiscontinueProduct, products.Product, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(P.NOT_FOUND, P.VERSION_MISMATCH))
PRODUCTS_RESTORE = Endpoint("products.restore", products.RestoreProduct, products.Product, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(P.NOT_FOUND, P.VERSION_MISMATCH))

PRODUCTS_PRICES_LIST = Endpoint("products.prices.list", products_prices.ListPrices, products_prices.PricePage, ADMIN, verified=True, idempotent=True, read=True, reasons=(P.NOT_FOUND, P.INVALID_CURSOR))
PRODUCTS_BULK_CHANGE = Endpoint("products.bulk_change", products_prices.BulkChange, products_prices.PricesChanged, ADMIN, verified=True, keyed=True, reasons=(P.SELECTION_REQUIRED, P.UNKNOWN_CATEGORY, P.UNKNOWN_SUPPLIER, P.TOO_MANY_PRODUCTS, P.PRICE_OUT_OF_RANGE), max_reply=128 * KIB)
PRODUCTS_INVENTORY_GET = Endpoint("products.inventory.get", products_inventory.GetInventory, products_inventory.Inventory, ADMIN, verified=True, idempotent=True, read=True)
PRODUCTS_REORDER_LIST = Endpoint("products.reorder.list", products_inventory.ListReorders, products_inventory.ReorderPage, ADMIN, verified=True, idempotent=True, read=True, reasons=(P.INVALID_CURSOR,))

PRODUCTS_CATEGORIES_LIST = Endpoint("products.categories.list", products_categories.ListCategories, products_categories.CategoryPage, ANYONE, idempotent=True, read=True, cached=True, reasons=(P.INVALID_CURSOR,))
PRODUCTS_CATEGORIES_GET = Endpoint("products.categories.get", products_categories.GetCategory, products_categories.Category, ANYONE, idempotent=True, read=True, cached=True, reasons=(P.CATEGORY_NOT_FOUND,))
PRODUCTS_CATEGORIES_CREATE = Endpoint("products.categories.create", products_categories.CreateCategory, products_categories.Category, ADMIN, verified=True, keyed=True)
PRODUCTS_CATEGORIES_UPDATE = Endpoint("products.categories.update", products_categories.UpdateCategory, products_categories.Category, ADMIN, verified=True, keyed=True, reasons=(P.CATEGORY_NOT_FOUND, P.VERSION_MISMATCH))
PRODUCTS_CATEGORIES_STATISTICS = Endpoint("products.categories.statistics", products_inventory.ListCategoryStatistics, products_inventory.CategoryStatisticsPage, ADMIN, verified=True, idempotent=True, read=True, reasons=(P.INVALID_CURSOR,))

PRODUCTS_SUPPLIERS_LIST = Endpoint("products.suppliers.list", products_suppliers.ListSuppliers, products_suppliers.SupplierPage, USER, idempotent=True, read=True, reasons=(P.INVALID_CURSOR,), max_reply=800 * KIB)
PRODUCTS_SUPPLIERS_GET = Endpoint("products.suppliers.get", products_suppliers.GetSupplier, products_suppliers.Supplier, USER, idempotent=True, read=True, reasons=(P.SUPPLIER_NOT_FOUND,))
PRODUCTS_SUPPLIERS_CREATE = Endpoint("products.suppliers.create", products_suppliers.CreateSupplier, products_suppliers.Supplier, ADMIN, verified=True, keyed=True)
PRODUCTS_SUPPLIERS_UPDATE = Endpoint("products.suppliers.update", products_suppliers.UpdateSupplier, products_suppliers.Supplier, ADMIN, verified=True, keyed=True, reasons=(P.SUPPLIER_NOT_FOUND, P.VERSION_MISMATCH))

PRODUCTS_STOCK_GET = Endpoint("products.stock.get", products_stock.GetStock, products_stock.Stock, ANYONE, idempotent=True, read=True, reasons=(P.NOT_FOUND,))
PRODUCTS_STOCK_MOVEMENTS = Endpoint("products.stock.movements", products_stock.ListMovements, products_stock.MovementPage, ADMIN, verified=True, idempotent=True, read=True, reasons=(P.NOT_FOUND, P.INVALID_CURSOR))
PRODUCTS_STOCK_RECEIVE = Endpoint("products.stock.receive", products_stock.ReceiveStock, products_stock.Stock, ADMIN, verified=True, keyed=True, reasons=(P.NOT_FOUND, P.STOCK_OUT_OF_RANGE))
PRODUCTS_STOCK_ADJUST = Endpoint("products.stock.adjust", products_stock.AdjustStock, products_stock.Stock, ADMIN, verified=True, keyed=True, reasons=(P.NOT_FOUND, P.STOCK_OUT_OF_RANGE))
PRODUCTS_STOCK_RESERVE = Endpoint("products.stock.reserve", products_stock.ReserveStock, products_stock.Reservation, ANYONE, idempotent=True, max_reply=16 * KIB)
PRODUCTS_STOCK_RELEASE = Endpoint("products.stock.release", products_stock.ReleaseStock, products_stock.Reservation, ANYONE, idempotent=True, max_reply=16 * KIB)
PRODUCTS_STOCK_COMMIT = Endpoint("products.stock.commit", products_stock.CommitStock, products_stock.Reservation, ANYONE, idempotent=True, reasons=(P.NOTHING_RESERVED,), max_reply=16 * KIB)

ORDERS_PLACE = Endpoint("orders.place", orders.PlaceOrder, orders.Order, USER, verified=True, keyed=True, reasons=(O.DUPLICATE_PRODUCT, O.UNKNOWN_PRODUCT, O.DISCONTINUED, O.UNKNOWN_CUSTOMER), max_reply=96 * KIB)
ORDERS_GET = Endpoint("orders.get", orders.GetOrder, orders.Order, USER, verified=True, idempotent=True, read=True, reasons=(O.NOT_FOUND,), max_reply=96 * KIB)
ORDERS_GET_MANY = Endpoint("orders.get_many", orders.GetOrders, orders.OrdersFound, USER, verified=True, idempotent=True, read=True, max_reply=960 * KIB)
ORDERS_LIST = Endpoint("orders.list", orders.ListOrders, orders.OrderPage, USER, verified=True, idempotent=True, read=True, reasons=(O.INVALID_CURSOR,))
ORDERS_CANCEL = Endpoint("orders.cancel", orders.CancelOrder, orders.Order, USER, verified=True, idempotent=True, keyed=True, reasons=(O.NOT_FOUND, O.NOT_CANCELLABLE, O.VERSION_MISMATCH), max_reply=96 * KIB)
ORDERS_HISTORY = Endpoint("orders.history", orders.GetOrderHistory, orders.OrderHistory, USER, verified=True, idempotent=True, read=True, reasons=(O.NOT_FOUND,))
ORDERS_START_DISPATCH = Endpoint("orders.start_dispatch", orders.StartDispatch, orders.DispatchStarted, ANYONE, idempotent=True, reasons=(O.NOT_FOUND, O.NOT_DISPATCHABLE))

SHIPPING_GET = Endpoint("shipping.get", shipping.GetShipment, shipping.Shipment, USER, verified=True, idempotent=True, read=True, reasons=(S.NOT_FOUND,), max_reply=64 * KIB)
SHIPPING_LIST = Endpoint("shipping.list", shipping.ListShipments, shipping.ShipmentPage, USER, verified=True, idempotent=True, read=True, reasons=(S.INVALID_CURSOR,))
SHIPPING_DISPATCH = Endpoint("shipping.dispatch", shipping.DispatchShipment, shipping.Shipment, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(S.NOT_FOUND, S.STOPPED, S.VERSION_MISMATCH), max_reply=64 * KIB)
SHIPPING_DELIVER = Endpoint("shipping.deliver", shipping.DeliverShipment, shipping.Shipment, ADMIN, verified=True, idempotent=True, keyed=True, reasons=(S.NOT_FOUND, S.STOPPED, S.NOT_DISPATCHED, S.VERSION_MISMATCH), max_reply=64 * KIB)

CARTS_GET = Endpoint("carts.get", carts.GetCart, carts.Cart, USER, verified=True, idempotent=True, read=True)
CARTS_PUT_ITEM = Endpoint("carts.put_item", carts.PutItem, carts.Cart, USER, verified=True, idempotent=True, reasons=(K.UNKNOWN_PRODUCT, K.DISCONTINUED, K.FULL, K.VERSION_MISMATCH))
CARTS_REMOVE_ITEM = Endpoint("carts.remove_item", carts.RemoveItem, carts.Cart, USER, verified=True, idempotent=True, reasons=(K.VERSION_MISMATCH,))
CARTS_CLEAR = Endpoint("carts.clear", carts.ClearCart, carts.Cart, USER, verified=True, idempotent=True, reasons=(K.VERSION_MISMATCH,))
CARTS_CHECKOUT = Endpoint("carts.checkout", carts.CheckOut, carts.CheckedOut, USER, verified=True, reasons=(K.EMPTY, K.ITEMS_UNAVAILABLE, K.VERSION_MISMATCH), max_reply=96 * KIB)

NOTIFICATIONS_LIST = Endpoint("notifications.list", notifications.ListNotifications, notifications.NotificationPage, USER, verified=True, idempotent=True, read=True)
NOTIFICATIONS_WEBHOOK_GET = Endpoint("notifications.webhook.get", notifications.GetWebhook, notifications.Webhook, USER, verified=True, idempotent=True, read=True, reasons=(N.WEBHOOK_NOT_FOUND,))
NOTIFICATIONS_WEBHOOK_PUT = Endpoint("notifications.webhook.put", notifications.PutWebhook, notifications.NewWebhook, USER, verified=True, reasons=(N.INVALID_URL,))
NOTIFICATIONS_WEBHOOK_DELETE = Endpoint("notifications.webhook.delete", notifications.DeleteWebhook, notifications.WebhookDeleted, USER, verified=True, idempotent=True)

# Events: subject, payload, whether a stream stores it, whether users see their own (`GET /v1/events`), and the services
# that handle it.
EVENTS_AUTH_SESSIONS_REVOKED = Event("events.auth.sessions_revoked", auth.SessionsRevoked)
EVENTS_AUTH_USER_REGISTERED = Event("events.auth.user_registered", auth.UserRegistered, durable=True, handled_by=("notifications",))
EVENTS_AUTH_PASSWORD_RESET_REQUESTED = Event("events.auth.password_reset_requested", auth_mail.PasswordResetRequested, durable=True, handled_by=("notifications",))
EVENTS_AUTH_EMAIL_VERIFICATION_REQUESTED = Event("events.auth.email_verification_requested", auth_mail.EmailVerificationRequested, durable=True, handled_by=("notifications",))

EVENTS_CUSTOMERS_CHANGED = Event("events.customers.changed", customers.CustomerChanged, durable=True)
EVENTS_PRODUCTS_CHANGED = Event("events.products.changed", products.ProductChanged, durable=True)
EVENTS_PRODUCTS_CATEGORY_CHANGED = Event("events.products.category_changed", products_categories.CategoryChanged, durable=True)
EVENTS_PRODUCTS_SUPPLIER_CHANGED = Event("events.products.supplier_changed", products_suppliers.SupplierChanged, durable=True)

EVENTS_ORDERS_PLACED = Event("events.orders.placed", orders_events.OrderPlaced, durable=True, shown=True, handled_by=("stock", "carts", "notifications"))
EVENTS_ORDERS_CONFIRMED = Event("events.orders.confirmed", orders_events.OrderConfirmed, durable=True, shown=True, handled_by=("shipping", "notifications"))
EVENTS_ORDERS_REFUSED = Event("events.orders.refused", orders_events.OrderRefused, durable=True, shown=True, handled_by=("notifications",))
EVENTS_ORDERS_CANCELLED = Event("events.orders.cancelled", orders_events.OrderCancelled, durable=True, shown=True, handled_by=("stock", "shipping", "notifications"))
EVENTS_ORDERS_DISPATCHED = Event("events.orders.dispatched", orders_events.OrderDispatched, durable=True, shown=True, handled_by=("stock", "notifications"))
EVENTS_ORDERS_DELIVERED = Event("events.orders.delivered", orders_events.OrderDelivered, durable=True, shown=True, handled_by=("notifications",))

EVENTS_STOCK_RESERVED = Event("events.stock.reserved", stock.StockReserved, durable=True, handled_by=("orders",))
EVENTS_STOCK_REFUSED = Event("events.stock.refused", stock.StockRefused, durable=True, handled_by=("orders",))

EVENTS_SHIPPING_DISPATCHED = Event("events.shipping.dispatched", shipping.ShipmentDispatched, durable=True, handled_by=("orders",))
EVENTS_SHIPPING_DELIVERED = Event("events.shipping.delivered", shipping.ShipmentDelivered, durable=True, handled_by=("orders",))
# fmt: on

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = tuple(value for value in globals().values() if isinstance(value, Endpoint))
"""All endpoints, in the order above. Everything derived for each subject starts here."""

EVENTS: tuple[Event[Any], ...] = tuple(value for value in globals().values() if isinstance(value, Event))
"""All events, in the order above."""


def events_for(service: str) -> tuple[Event[Any], ...]:
    """The durable events that the service handles."""
    return tuple(event for event in EVENTS if service in event.handled_by)
