import os
import random
import string
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interview_fsm.errors import ResumeError, SettingError
from interview_fsm.resume.links import FetchPolicy, check_url, is_public, redirected

POLICY = FetchPolicy()


def refused(url, policy=POLICY):
    try:
        check_url(url, policy)
    except ResumeError as error:
        return error
    return None


def verdict(url, policy=POLICY):
    error = refused(url, policy)
    return error.kind if error else "ALLOW"


# What is sent for a link that is opened.
OPENED = [
    ("https://example.org/cv.pdf", "https://example.org/cv.pdf"),
    ("http://example.org", "http://example.org/"),
    ("HTTP://Example.ORG./Cv.PDF", "http://example.org/Cv.PDF"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("https://example.org:/a", "https://example.org/a"),
    ("http://example.org:443/a", "http://example.org:443/a"),
    ("https://example.org:80/a", "https://example.org:80/a"),
    ("https://example.org?id=7&n=a/b?c", "https://example.org/?id=7&n=a/b?c"),
    ("https://example.org/a#page=2", "https://example.org/a"),
    ("https://example.org/a?b#c?d", "https://example.org/a?b"),
    ("https://example.org#@10.0.0.1/", "https://example.org/"),
    ("https://example.org/@10.0.0.1/", "https://example.org/@10.0.0.1/"),
    ("https://example.org//double", "https://example.org//double"),
    ("https://example.org/../../etc", "https://example.org/../../etc"),
    ("https://example.org/r%C3%A9sum%C3%A9.pdf", "https://example.org/r%C3%A9sum%C3%A9.pdf"),
    ("https://example.org/résumé.pdf?für", "https://example.org/r%C3%A9sum%C3%A9.pdf?f%C3%BCr"),
    ("https://example.org/O'Brien;v=2,3!(final)*", "https://example.org/O'Brien;v=2,3!(final)*"),
    ("https://example.org/a|b^[c]", "https://example.org/a%7Cb%5E%5Bc%5D"),
    ("https://example.org/%zz", "https://example.org/%zz"),
    ("https://example.org/%0d%0aHost:x", "https://example.org/%0d%0aHost:x"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ("https://faß.example/", "https://xn--fa-hia.example/"),
    ("https://ｅxample.org/", "https://example.org/"),
    ("https://example。org/", "https://example.org/"),
    ("https://r1---sn-4g5e.example.org/", "https://r1---sn-4g5e.example.org/"),
    ("https://1.example.org/", "https://1.example.org/"),
    ("https://127.0.0.1.example.org/", "https://127.0.0.1.example.org/"),
    ("https://9.9.9.9/", "https://9.9.9.9/"),
    ("https://9.9.9.9./", "https://9.9.9.9/"),
    ("https://[2606:4700:0:0::1111]/", "https://[2606:4700::1111]/"),
    ("https://[2606:4700::1111]:80/", "https://[2606:4700::1111]:80/"),
    ("https://[::ffff:9.9.9.9]/", "https://9.9.9.9/"),
    ("https://localhost.example.org/", "https://localhost.example.org/"),
    ("https://a." + "b" * 63 + ".org/", "https://a." + "b" * 63 + ".org/"),
]

REFUSED = [
    ("length", "", "https://example.org/" + "a" * 2048),
    (
        "character",
        "https://example.org/my cv.pdf",
        "https://example.org/a\\b",
        'https://example.org/"',
        "\u00a0",
    ),
    (
        "character",
        "https://example.org/{id}",
        "https://example.org/<b>",
        "https://example.org/`",
        "https://a\x7f",
    ),
    (
        "character",
        "https://example.org/\u200b",
        "https://exam\u00adple.org/",
        "https://example.org/\u2066",
        "\ufeff",
    ),
    ("character", "https://example.org/\ud800", "https://example.org/\u3164", "https://example.org/\u2028"),
    ("character", "https://example.org\r\nX: y/", "\nhttps://example.org/", "https://example.org/\n"),
    (
        "scheme",
        "example.org/cv.pdf",
        "httpx://example.org/",
        "ws://example.org/",
        "ldap://example.org/",
        "://a",
    ),
    (
        "scheme",
        "blob:https://example.org/1",
        "feed:https://example.org/",
        "ftps://example.org/",
        "dict://a.org/",
    ),
    (
        "scheme",
        "file://example.org/cv.pdf",
        "C:/cv.pdf",
        "cv.pdf",
        "about:blank",
        "mailto:a@example.org",
        "ｈttp://a.b",
    ),
    (
        "host",
        "https:example.org",
        "https:/example.org/",
        "https://",
        "https:///a",
        "https://?a",
        "https://#a",
    ),
    (
        "host",
        "https://" + "a." * 125 + "abcd/",
        "https://" + "ü" * 255 + ".example/",
        "https://" + "a" * 255 + ".org/",
    ),
    ("host", "https://.../", "https://./", "https://example..org/", "https://-a.org/", "https://a-.org/"),
    ("host", "https://a_b.org/", "https://a!b.org/", "https://a%2eb.org/", "https://" + "a." * 127 + "org/"),
    ("host", "https://1/", "https://1.2/", "https://1.2.3/", "https://1.2.3.4.5/", "https://256.1.1.1/"),
    (
        "host",
        "https://09.9.9.9/",
        "https://9.9.9.0x9/",
        "https://0x09090909/",
        "https://a.org.0x/",
        "https://a.7/",
    ),
    (
        "host",
        "https://9.9.9.999/",
        "https://0x8.8.8.8.8/",
        "https://*.example.org/",
        "https://[2606:4700::1%25e]/",
    ),
    (
        "userinfo",
        "https://a@example.org/",
        "https://a:b@example.org/",
        "https://@example.org/",
        "https://:@[::1]/",
    ),
    ("parse", "https://[2606:4700::1111/", "https://[::1]example.org/", "https://[]/", "https://[9.9.9.9]/"),
    (
        "parse",
        "https://[v1.a]/",
        "https://[2606:4700::1111]80/",
        "https://[1::2::3]/",
        "https://2606:4700::1111/",
    ),
    (
        "parse",
        "https://example.org:080/",
        "https://example.org:65536/",
        "https://example.org:8 0/".replace(" ", "+"),
    ),
    ("parse", "https://example.org:٤٤٣/", "https://example.org:80:443/", "https://example.org:x/"),
    (
        "idna",
        "https://a／b.example/",
        "https://a＠b.example/",
        "https://a：80.example/",
        "https://i❤.example/",
    ),
    ("idna", "https://xn--a.example/", "https://xn--.example/", "https://" + "ü" * 64 + ".example/"),
    (
        "name",
        "https://localhost/",
        "https://intranet/",
        "https://a.localhost/",
        "https://LOCALHOST./",
        "https://ﬂ/",
    ),
    (
        "name",
        "https://nas.home/",
        "https://a.corp/",
        "https://db.internal/",
        "https://x.home.arpa/",
        "https://a.test/",
    ),
    (
        "name",
        "https://a.invalid/",
        "https://api.default.svc/",
        "https://a.svc.cluster.local/",
        "https://a.localdomain/",
    ),
    ("address", "https://127.0.0.1/", "https://127.0.0.1./", "https://１２７.0.0.1/", "https://10.1.2.3/"),
    (
        "address",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::9.9.9.9]/",
        "https://[::9.9.9.9]/",
    ),
    (
        "address",
        "https://169.254.169.254/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
    ),
    (
        "port",
        "https://example.org:8443/",
        "https://example.org:22/",
        "https://9.9.9.9:0/",
        "https://example.org:65535/",
    ),
]


@pytest.mark.parametrize(("url", "sent"), OPENED)
def test_a_good_link_is_sent_in_one_form(url, sent):
    link = check_url(url, POLICY)
    assert link.url == sent
    assert check_url(link.url, POLICY) == link


@pytest.mark.parametrize(("kind", "url"), [(kind, url) for kind, *urls in REFUSED for url in urls])
def test_a_bad_link_is_refused_at_its_stage(kind, url):
    error = refused(url)
    assert (error.code, error.kind) == ("resume_url_refused", kind)
    assert str(error)[0].isupper()
    assert str(error).endswith(".")


def test_the_longest_link_is_still_opened():
    assert verdict("https://example.org/".ljust(2048, "a")) == "ALLOW"
    assert verdict("https://example.org/".ljust(2049, "a")) == "length"


def test_the_address_is_not_in_the_sentence():
    blocked = "Links to this machine or a private network are blocked; send the file instead."
    assert str(refused("https://10.1.2.3/")) == str(refused("https://nas.home/")) == blocked


# Where a redirect leads, seen from https://example.org/a/b?c
REDIRECTS = [
    ("d", "https://example.org/a/d"),
    ("/d", "https://example.org/d"),
    ("?d", "https://example.org/a/b?d"),
    ("//example.net/d", "https://example.net/d"),
    ("https://example.net/d#e", "https://example.net/d"),
    ("../../d", "https://example.org/d"),
    ("/résumé", "https://example.org/r%C3%A9sum%C3%A9"),
    ("http://example.org/", "downgrade"),
    ("//127.0.0.1/", "address"),
    ("https://[::1]/", "address"),
    ("https://169.254.169.254/latest", "address"),
    ("https://localhost/", "name"),
    ("//u:p@example.net/", "userinfo"),
    ("file:///etc/passwd", "scheme"),
    ("javascript:alert(1)", "scheme"),
    ("data:application/pdf,%25PDF-", "scheme"),
    ("https://example.org:22/", "port"),
    ("https://[::1", "parse"),
    ("https://[x]/", "parse"),
    ("/a\tb", "character"),
    ("/a b", "character"),
    ("\\\\127.0.0.1\\", "character"),
    ("/" + "a" * 2048, "length"),
]


@pytest.mark.parametrize(("location", "expected"), REDIRECTS)
def test_a_redirect_is_checked_like_the_first_link(location, expected):
    link = check_url("https://example.org/a/b?c", POLICY)
    try:
        found = redirected(link, location.encode(), POLICY).url
    except ResumeError as error:
        found = error.kind
    assert found == expected


def test_a_redirect_in_no_encoding_we_know_is_refused():
    with pytest.raises(ResumeError) as raised:
        redirected(check_url("https://example.org/", POLICY), b"/r\xe9sum\xe9", POLICY)
    assert raised.value.kind == "character"


def test_a_redirect_from_http_may_lead_to_https():
    assert redirected(check_url("http://a.org/", POLICY), b"https://a.org/", POLICY).scheme == "https"


# ruff: noqa: SIM905, E501  (tables are read better as words)
# The special-purpose blocks, written down a second time, from the registries and not from the module.
BLOCKS_V4 = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
""".split()
BLOCKS_V6 = """
::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/32 2001:1::1/128
2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28
2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 1000::/4 4000::/2 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
""".split()
# What lies beside a block and is public; all other neighbours lie in a block as well, or in none that is in use.
PUBLIC_NEIGHBOURS = """
1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255 192.0.3.0 192.31.195.255 192.31.197.0
192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 192.175.47.255 192.175.49.0
198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 2003::
2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2620:4f:7fff:ffff:ffff:ffff:ffff:ffff 2620:4f:8001::
3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000:: 2000:: 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
""".split()


def edges(blocks, network):
    """The first and last address of each block, and the one before and after it."""
    for text in blocks:
        block = network(text)
        first, last = int(block[0]), int(block[-1])
        for number in {first - 1, first, last, last + 1}:
            if 0 <= number < 2**block.max_prefixlen:
                yield type(block[0])(number)


ADDRESSES = sorted(
    {*map(str, [*edges(BLOCKS_V4, IPv4Network), *edges(BLOCKS_V6, IPv6Network)]), *PUBLIC_NEIGHBOURS}
)


@pytest.mark.parametrize("text", ADDRESSES)
def test_the_edges_of_each_special_block_are_on_the_right_side(text):
    assert is_public(ip_address(text)) == (str(ip_address(text)) in set(PUBLIC_NEIGHBOURS))


def disguises(address):
    """The IPv6 addresses that a translator or a tunnel takes for an IPv4 one, but for the mapped form."""
    number = int(address)
    yield IPv6Address(number)  # compatible
    yield IPv6Address(0xFFFF << 48 | number)  # ::ffff:0:a.b.c.d, translated
    yield IPv6Address(0x64FF9B << 96 | number)  # NAT64
    yield IPv6Address(0x64FF9B0001 << 80 | number)  # NAT64 in a network of one's own
    yield IPv6Address(0x2002 << 112 | number << 80)  # 6to4
    yield IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF)  # Teredo
    yield IPv6Address(0xFE80 << 112 | 0x5EFE << 32 | number)  # ISATAP


@pytest.mark.parametrize("text", [text for text in ADDRESSES if ":" not in text])
def test_no_ipv4_address_gets_through_in_disguise(text):
    address = IPv4Address(text)
    assert is_public(IPv6Address(0xFFFF << 32 | int(address))) == is_public(address)
    assert not any(map(is_public, disguises(address)))


GOOD = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.215.14",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2400:cb00::1",
    "2001:470::1",
]


@pytest.mark.parametrize("text", GOOD)
def test_addresses_of_the_internet_are_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", ["2606:4700::1111%1", "fe80::1%eth0"])
def test_an_address_with_a_scope_is_not_public(text):
    assert not is_public(ip_address(text))


def test_an_exemption_lifts_the_rules_on_names_addresses_and_ports_for_that_place_alone():
    policy = FetchPolicy.allowing(["127.0.0.1:9000", "[::1]:9001", "Files:9002", "nas.home:80"])
    for url in ("http://127.0.0.1:9000/", "https://[::1]:9001/", "http://files:9002/", "http://nas.home/"):
        assert verdict(url, policy) == "ALLOW"
    for url, kind in {
        "http://127.0.0.1:9001/": "address",
        "http://127.0.0.1/": "address",
        "http://127.0.0.2:9000/": "address",
        "http://localhost:9000/": "name",
        "http://a.files:9002/": "port",
        "https://nas.home/": "name",
        "ftp://127.0.0.1:9000/": "scheme",
        "http://u@127.0.0.1:9000/": "userinfo",
        "http://127.1:9000/": "host",
        "http://[::1%251]:9001/": "host",
        "http://127.0.0.1:9000/a b": "character",
    }.items():
        assert verdict(url, policy) == kind


NO_EXEMPTIONS = """
127.0.0.1 * *:9000 *.example.org:80 10.0.0.0/8:80 10.0.0.0/8 http://127.0.0.1:9000 127.0.0.1:9000/ :9000
127.0.0.1: 127.0.0.1:0 127.0.0.1:65536 127.0.0.1:80-90 ::1:9000 [::1] [::1]9000 user@localhost:80 127.1:80
localhost:http localhost:9000,localhost:9001 [::1%1]:80
""".split()


@pytest.mark.parametrize("place", [*NO_EXEMPTIONS, "", "localhost: 80"])
def test_only_an_exact_host_and_port_can_be_exempt(place):
    with pytest.raises(SettingError, match="HOST:PORT"):
        FetchPolicy.allowing(["localhost:9000", place])


def assert_sound(url):
    """What has to hold for each link that is opened, whatever it was made from."""
    try:
        link = check_url(url, POLICY)
    except ResumeError:
        return False
    assert link.scheme in {"http", "https"}
    assert link.port in {80, 443}
    assert link.host.isascii()
    assert link.host == link.host.lower()
    try:
        assert is_public(ip_address(link.host))
    except ValueError:
        labels = link.host.split(".")
        assert len(labels) > 1
        assert all(
            label and set(label) <= set(string.ascii_lowercase + string.digits + "-") for label in labels
        )
        assert not labels[-1].isdigit()
    assert link.target.startswith("/")
    assert all("!" <= sign <= "~" for sign in link.target)
    assert "#" not in link.target
    assert check_url(link.url, POLICY) == link
    return True


PIECES = st.sampled_from(
    "http https HTTP : / // @ . .. [ ] % %2e %00 # ? \\ 127.0.0.1 10.0.0.1 0x7f 8.8.8.8 ::1 ::ffff: 2606:4700::1 "
    "localhost example org xn-- xn--bcher-kva ü ß 。 ／ ＠ １ \u200d \u00ad \t \r\n 80 443 0 :443 a - _".split(
        " "
    )
)
URLS = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=12).map("".join),
    st.tuples(st.sampled_from(["http://", "https://"]), st.lists(PIECES, max_size=8).map("".join)).map(
        "".join
    ),
    st.tuples(st.just("https://example.org/"), st.text(max_size=30)).map("".join),
    st.tuples(st.just("https://"), st.text(max_size=12), st.just(".org/")).map("".join),
)


@settings(max_examples=500, deadline=None)
@given(URLS)
def test_whatever_is_opened_is_sound(url):
    assert_sound(url)


def mutated(url, dice):
    signs = list(url)
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(signs) + 1)
        match dice.randrange(4):
            case 0:
                signs.insert(
                    place, chr(dice.choice([dice.randrange(128), dice.randrange(0x3100), 0xFF0E, 0xFF10]))
                )
            case 1:
                del signs[place : place + dice.randrange(1, 4)]
            case 2:
                signs[place:place] = list(
                    dice.choice(["@", "//", ":80", "[::1]", "%2e", "127.0.0.1", "xn--", "."])
                )
            case _:
                signs[place : place + 1] = [dice.choice(string.printable)]
    return "".join(signs)


@pytest.mark.slow
def test_a_million_damaged_links_are_refused_or_sound():
    dice = random.Random(20261123)
    seeds = [url for url, _ in OPENED] + [url for _, *urls in REFUSED for url in urls]
    runs = 1_000_000 if os.environ.get("INTERVIEW_FSM_SOAK") else 20_000
    opened = sum(assert_sound(mutated(dice.choice(seeds), dice)) for _ in range(runs))
    assert runs * 0.05 < opened < runs * 0.9  # the fuzzing reaches both sides
