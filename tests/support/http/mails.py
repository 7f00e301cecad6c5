"""The tokens in the mails that the mail server of `mesh up` has kept."""

import asyncio
import re

from ops.mailbox import Mailbox


async def mailed_token(mailbox: Mailbox, email: str) -> str:
    """The token in the newest mail to the address that resets the password, once there is one."""
    while True:
        for number in reversed(mailbox.numbers()):
            mail = mailbox.read(number)
            if mail and mail.recipients == email and (found := re.search(r"new one: ([\w-]{43})", str(mail.message))):
                return found[1]
        await asyncio.sleep(0.05)
