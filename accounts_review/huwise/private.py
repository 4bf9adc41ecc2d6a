"""Networks that only the portal's own side can reach: nobody may aim the portal at them from a page.

Looked at where the connection is made, so that no name service can say one thing now and another later.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore

Address = IPv4Address | IPv6Address
TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses as gateways write them in IPv6 (RFC 6052)."""


class PrivateAddress(httpcore.ConnectError):
    """A name leads into a private network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which networks may be spoken to beside the public one."""

    private: bool = True
    loopback: bool = True

    def allows(self, address: Address) -> bool:
        """Whether an address may be connected to."""
        address = _unwrapped(address)
        if address.is_loopback:
            return self.loopback
        return self.private or (address.is_global and not address.is_multicast)

    def allows_host(self, host: str) -> bool:
        """The same for what stands in an address; of a name nothing is known before it is looked up."""
        host = host.rstrip(".").lower()
        if host == "localhost" or host.endswith(".localhost"):
            return self.loopback
        try:
            return self.allows(ip_address(host))
        except ValueError:
            return True

    def resolve(self, host: str, port: int) -> str:
        """The numeric address to connect to. Raises :class:`PrivateAddress` where any that the name has is refused."""
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        for text in found:
            if not self.allows(ip_address(text.partition("%")[0])):
                raise PrivateAddress(f"{host} leads to {text}, in a private network")
        return found[0]


ANYWHERE = Reach()


def _unwrapped(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one."""
    if not isinstance(address, IPv6Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
