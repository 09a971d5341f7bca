"""The OpenAPI 3.1 description of the API, and what is made of it: a Postman collection, types of the client."""
