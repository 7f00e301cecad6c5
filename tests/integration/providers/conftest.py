from tests.integration.providers.servers import customers_url, postgres, products_url

__all__ = ["customers_url", "postgres", "products_url"]
