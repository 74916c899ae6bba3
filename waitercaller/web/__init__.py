"""What pages share: access, errors, security headers, CSRF, routing, forms, links, limits, passwords, languages, QR."""
