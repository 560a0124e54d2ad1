"""A little DNS server over UDP and TCP, for development and tests: it says what it was told to say.

In development its records stand in a file, which is read at each question: `name TYPE value`, one a line. `lms-graph dev` starts it.
"""

import argparse
import asyncio
import errno
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

PLAIN_UDP = 512
MOST_UDP = 1232
LONGEST_CHAIN = 8
CHOICES = 20

Odd = Callable[[dns.message.Message], bytes | None]


class DnsTwin:
    """Answers as a resolver does: what it has, NXDOMAIN for names that it has nothing of, aliases followed, a loop of them refused with SERVFAIL."""

    def __init__(self, records: Path | None = None) -> None:
        self.questions: list[tuple[str, str]] = []
        self.port = 0
        self._file = records
        self._records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[str]] = {}
        self._odd: dict[dns.name.Name, Odd] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    def publish(self, name: str, type: str, *values: str) -> None:
        """In place of what the name had of this type; a TXT value as people write it, of any length."""
        self._records[dns.name.from_text(name), dns.rdatatype.from_text(type)] = list(values)

    def withdraw(self, name: str) -> None:
        """Nothing of this name any more, and nothing odd about it."""
        key = dns.name.from_text(name)
        self._records = {at: values for at, values in self._records.items() if at[0] != key}
        self._odd.pop(key, None)

    def fail(self, name: str, rcode: str = "SERVFAIL") -> None:
        def refuse(query: dns.message.Message) -> bytes:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.from_text(rcode))
            return response.to_wire()

        self._odd[dns.name.from_text(name)] = refuse

    def silence(self, name: str) -> None:
        self._odd[dns.name.from_text(name)] = lambda query: None

    def say(self, name: str, bytes_of: Odd) -> None:
        """Whatever bytes, sense or not."""
        self._odd[dns.name.from_text(name)] = bytes_of

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Answer datagrams and streams at one port; 0 asks the system for one that is free for both."""
        loop = asyncio.get_running_loop()
        for left in reversed(range(1 if port else CHOICES)):
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(host, port))
            chosen = transport.get_extra_info("sockname")[1]
            try:
                self._server = await asyncio.start_server(self._stream, host, chosen)
            except OSError as taken:
                transport.close()
                if taken.errno != errno.EADDRINUSE or not left:
                    raise
            else:
                self._transport, self.port = transport, chosen
                return

    async def aclose(self) -> None:
        if self._transport:
            self._transport.close()
        if self._server:
            self._server.close()

    def answer(self, wire: bytes, *, stream: bool) -> bytes | None:
        """The bytes that answer a question; None for silence."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        self.questions.append((question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)))
        if question.name in self._odd:
            return self._odd[question.name](query)
        response = dns.message.make_response(query, recursion_available=True)
        self._fill(response, question.name, question.rdtype)
        if stream:
            return response.to_wire(max_size=65535)
        room = min(query.payload, MOST_UDP) if query.edns >= 0 else PLAIN_UDP
        try:
            return response.to_wire(max_size=max(room, PLAIN_UDP))
        except dns.exception.TooBig:
            response.answer = []
            response.flags |= dns.flags.TC  # ask again by TCP
            return response.to_wire()

    def _fill(self, response: dns.message.Message, name: dns.name.Name, type: dns.rdatatype.RdataType) -> None:
        records = self._known()
        for _ in range(LONGEST_CHAIN):
            if values := records.get((name, type)):
                response.answer.append(_rrset(name, type, values))
                return
            if not (alias := records.get((name, dns.rdatatype.CNAME))):
                break
            response.answer.append(_rrset(name, dns.rdatatype.CNAME, alias))
            name = dns.name.from_text(alias[0])
        else:
            response.answer = []
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        if not any(known.is_subdomain(name) for known, _ in records):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _known(self) -> dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[str]]:
        known = dict(self._records)
        if self._file and self._file.exists():
            for line in self._file.read_text("utf-8").splitlines():
                name, type, value = [*line.split(None, 2), "", "", ""][:3]
                if value and not name.startswith("#"):
                    known.setdefault((dns.name.from_text(name), dns.rdatatype.from_text(type)), []).append(value.strip().strip('"'))
        return known

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                if (said := self.answer(await reader.readexactly(length), stream=True)) is not None:
                    writer.write(len(said).to_bytes(2, "big") + said)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, twin: DnsTwin) -> None:
        self._twin = twin
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport and (said := self._twin.answer(data, stream=False)) is not None:
            self._transport.sendto(said, addr)


def _rrset(name: dns.name.Name, type: dns.rdatatype.RdataType, values: list[str]) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, 60, [_rdata(type, value) for value in values])


def _rdata(type: dns.rdatatype.RdataType, value: str) -> dns.rdata.Rdata:
    if type == dns.rdatatype.TXT:  # in pieces of 255 bytes, as name servers keep a long one
        body = value.encode()
        pieces = [body[start : start + 255] for start in range(0, len(body), 255)] or [b""]
        return dns.rdata.from_wire(dns.rdataclass.IN, type, b"".join(bytes([len(piece)]) + piece for piece in pieces), 0, len(body) + len(pieces))
    if type == dns.rdatatype.CNAME:
        value = dns.name.from_text(value).to_text()
    return dns.rdata.from_text(dns.rdataclass.IN, type, value)


async def _serve(port: int, records: Path) -> None:
    twin = DnsTwin(records)
    await twin.open(port=port)
    print(f"DNS answers at 127.0.0.1:{twin.port} with what {records} says.", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--records", type=Path, required=True)
    asked = parser.parse_args()
    asyncio.run(_serve(asked.port, asked.records))
