"""Lets vantage6's own code read what we encrypt, and encrypts for us."""
import base64
import json
import sys
from pathlib import Path

from vantage6.common.encryption import RSACryptor

work = json.load(sys.stdin)
cryptor = RSACryptor(Path(work["private_key_file"]))
print(
    json.dumps(
        {
            "public_key": cryptor.public_key_str,
            "verified": cryptor.verify_public_key(work["our_public_key"]),
            "read": [base64.b64encode(cryptor.decrypt(text)).decode() for text in work["encrypted"]],
            "encrypted": [
                cryptor.encrypt_bytes_to_str(base64.b64decode(text), work["our_public_key"])
                for text in work["plain"]
            ],
        }
    )
)
