"""SAP's SOAP-RFC node: function modules called in plain envelopes, and tables read by RFC_READ_TABLE."""
