"""Keys and sealed secrets.

master key          a file, a systemd credential or a passphrase (sources.py)
 └── keyring.json   key-encryption keys and the database key, sealed by the master key (keyring.py)
      └── data key  one an owner, wrapped by a key-encryption key, a row of `data_key` (secrets.py)
           └── secret  one value, sealed under the data key, a row of `secret`
"""
