"""Shared by all pages: access, errors, security headers, CSRF, routing, forms, links, limits, passwords, languages."""
