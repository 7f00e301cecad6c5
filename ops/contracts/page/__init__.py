"""contracts.html: the contracts on one page that needs no internet."""
