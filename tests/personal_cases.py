"""Labelled texts for personal data and secrets, written before the rules. ⟦ ⟧ stand around what is to be seen.

Numbers are those that standards and providers publish as examples, from ranges kept for fiction, or of a bank that is
none; people are invented; keys are random and put together here, so that no scanner takes this file for a leak.
"""

import base64
import json
import random
import re
import string

Case = tuple[str, str]
"""Label, text with marks; or why nothing is to be seen, text."""
MARKED = re.compile("⟦(.*?)⟧", re.DOTALL)


def parted(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and what they stood around."""
    plain, spans, done = "", [], 0
    for m in MARKED.finditer(text):
        plain += text[done : m.start()]
        spans.append((len(plain), len(plain) + len(m[1])))
        plain, done = plain + m[1], m.end()
    return plain + text[done:], spans


def made(begin: str, n: int, letters: str = string.ascii_letters + string.digits, seed: int = 0) -> str:
    """Random characters after the beginning that a provider gives its keys."""
    return begin + "".join(random.Random(f"{begin}{n}{seed}").choices(letters, k=n))


def wide(text: str) -> str:
    """Full-width forms of digits, letters and signs."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def web_token(head: object, body: object, sign: str) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, body))
    return ".".join((*parts, sign))


CARD, IBAN, SSN, RESIDENT = (
    "payment card",
    "bank account (IBAN)",
    "US social security number",
    "Chinese resident number",
)
NHS, DNI, CPF, TAX = "UK NHS number", "Spanish DNI or NIE", "Brazilian CPF", "German tax number"
AADHAAR, NIR, PASSPORT = "Indian Aadhaar", "French social security number", "passport number"
MAIL, PHONE, ADDRESS, STREET, BIRTH = "e-mail address", "phone number", "IP address", "street address", "birth date"

PERSONAL: tuple[Case, ...] = (
    (CARD, "My card: ⟦4111111111111111⟧"),
    (CARD, "Pay with ⟦4111 1111 1111 1111⟧, exp 12/29."),
    (CARD, "(⟦5555-5555-5555-4444⟧)"),
    (CARD, "Amex ⟦3782 822463 10005⟧ or Diners ⟦3056 930902 5904⟧"),
    (CARD, "in fours ⟦3782 8224 6310 005⟧"),
    (CARD, "⟦378282246310005⟧ and ⟦6011111111111117⟧ and ⟦30569309025904⟧"),
    (CARD, "2-series: ⟦2223003122003222⟧; JCB ⟦3530111333300000⟧; UnionPay ⟦6200000000000005⟧"),
    (CARD, "Order 1234 ⟦4111 1111 1111 1111⟧ 2029"),
    (CARD, "卡号⟦4111111111111111⟧，请核对。"),
    (CARD, f"卡号：⟦{wide('4111111111111111')}⟧。"),
    (CARD, "number ⟦4111\u200b1111\u200b1111\u200b1111⟧"),
    (CARD, "number ⟦4111\u00a01111\u00a01111\u00a01111⟧"),
    (IBAN, "Account ⟦GB82 WEST 1234 5698 7654 32⟧ please."),
    (IBAN, "⟦GB82WEST12345698765432⟧"),
    (IBAN, "IBAN: ⟦DE89 3704 0044 0532 0130 00⟧."),
    (IBAN, "iban ⟦fr1420041010050500013m02606⟧, thanks"),
    (IBAN, "⟦NL91-ABNA-0417-1643-00⟧"),
    (IBAN, "账号⟦GB82WEST12345698765432⟧"),
    (SSN, "Her SSN is ⟦111-22-3333⟧."),
    (SSN, "Social Security number: ⟦111 22 3333⟧"),
    (SSN, "social security no. ⟦111223333⟧"),
    (SSN, "⟦536-90-4399⟧ is on the form"),
    (RESIDENT, "⟦11010519491231002X⟧"),
    (RESIDENT, "身份证号：⟦11010519491231002x⟧。"),
    (RESIDENT, "No. ⟦440524 18800101 0014⟧ was filed"),
    (NHS, "NHS number: ⟦943 476 5919⟧"),
    (NHS, "nhs no ⟦9434765919⟧."),
    (DNI, "DNI ⟦12345678Z⟧"),
    (DNI, "con DNI ⟦12.345.678-Z⟧ y NIE ⟦X1234567L⟧"),
    (CPF, "CPF: ⟦111.444.777-35⟧"),
    (CPF, "⟦390.533.447-05⟧ consta no cadastro"),
    (CPF, "cpf ⟦39053344705⟧"),
    (TAX, "Steuer-ID: ⟦36 574 261 809⟧"),
    (TAX, "Steueridentifikationsnummer ⟦36574261809⟧"),
    (AADHAAR, "Aadhaar ⟦2341 2341 2346⟧"),
    (AADHAAR, "UIDAI no: ⟦234123412346⟧."),
    (NIR, "Numéro de sécu ⟦2 95 10 99 126 111 93⟧"),
    (NIR, "⟦295109912611193⟧"),
    (NIR, "NIR ⟦2 53 07 2B 073 004 70⟧"),
    (PASSPORT, "Passport no. ⟦X1234567⟧"),
    (PASSPORT, "My passport number is ⟦123456789⟧."),
    (PASSPORT, "护照号：⟦E12345678⟧"),
    (MAIL, "Write to ⟦bado.kalemi@example.com⟧."),
    (MAIL, "<⟦bado_kalemi+news@mail.example.org⟧>, please"),
    (MAIL, "mailto:⟦bado@example.co.uk⟧?subject=hi"),
    (MAIL, "邮箱⟦bado@example.com⟧是他的。"),
    (MAIL, f"邮箱：⟦{wide('bado@example.com')}⟧。"),
    (MAIL, "Bado Kalemi (⟦BADO@EXAMPLE.COM⟧)"),
    (PHONE, "Ring ⟦+1 212 555 0143⟧ today"),
    (PHONE, "⟦+44 20 7946 0958⟧ / ⟦+44 (0)7700 900123⟧"),
    (PHONE, "⟦+493023125000⟧, ⟦+33 1 99 00 12 34⟧; ⟦+61-2-5550-1234⟧"),
    (PHONE, "Tel: ⟦(212) 555-0143⟧"),
    (PHONE, "call me on ⟦212-555-0143⟧ after six"),
    (PHONE, "Phone ⟦020 7946 0958⟧, office"),
    (PHONE, "Telefon: ⟦030 23125 000⟧"),
    (PHONE, "téléphone ⟦01 99 00 12 34⟧"),
    (PHONE, "手机号：⟦13800138000⟧。"),
    (PHONE, "电话⟦010-99990123⟧"),
    (PHONE, "mobile: ⟦0044 7700 900123⟧"),
    (PHONE, "WhatsApp number is ⟦5550 1234⟧"),
    (ADDRESS, "logged in from IP ⟦93.184.216.34⟧ at noon"),
    (ADDRESS, "client ip address: ⟦93.184.216.34⟧:443"),
    (ADDRESS, '⟦93.184.216.34⟧ - - [10/Oct/2020:13:55:36 +0000] "GET /"'),
    (ADDRESS, "ipv6 ⟦2606:2800:220:1:248:1893:25c8:1946⟧"),
    (STREET, "Bado lives at ⟦12 Kodura Lane⟧."),
    (STREET, "⟦4 St. Bado's Road⟧, Kalemi"),
    (STREET, "wohnt in der ⟦Kalemistraße 12a⟧"),
    (STREET, "habite ⟦12 rue de Kalemi⟧, à Bado"),
    (STREET, "vive en la ⟦Calle de Kalemi 12⟧"),
    (STREET, "他住在⟦幸福路12号⟧。"),
    (BIRTH, "Date of birth: ⟦05/03/1956⟧"),
    (BIRTH, "Bado Kalemi was born on ⟦5 March 1956⟧ in Kalemi."),
    (BIRTH, "born on ⟦March 5th, 1956⟧"),
    (BIRTH, "DOB ⟦1956-03-05⟧"),
    (BIRTH, "出生日期：⟦1956年3月5日⟧"),
    (BIRTH, "他于⟦1956年3月5日⟧出生"),
)
PERSONAL_QUIET: tuple[Case, ...] = (
    ("card, last digit wrong", "My card: 4111111111111112"),
    ("card, no such issuer", "Number 9111111111111111 and 0000000000000000"),
    ("card, uneven groups", "4 111 11111 1111 11 1"),
    ("card inside a longer number", "41111111111111110000000"),
    ("card inside an identifier", "build_4111111111111111_final and x4111111111111111"),
    ("decimals", "pi is 3.1415926535897932 and the root is 1.4142135623730951, 0.4111111111111111"),
    ("time in milliseconds", "ts=1609459200000 and 1609459200"),
    ("ISBN", "ISBN 978-3-16-148410-0, ISBN-10 0-306-40615-2, 9783161484100"),
    ("order number", "Order number 2123456789, ticket 2125550143, reference 2 123 456 789"),
    ("order number, phone word farther away", "Call us about order 2123456789."),
    ("sum of GSM8K", "He has 34500-3300=<<34500-3300=31200>>31200 dollars, 245-28-5-70-5=137, +2100000 in all"),
    ("series of numbers", "4 8 15 16 23 42 108 1990 1991 1992 1993"),
    ("large numbers", "1,000,000,000 people; 7 800 000 000 in 2020; 299792458 m/s"),
    ("years", "1939-1945, 2001-2005 and 1990-91-92"),
    ("version", "version 10.3.2.0, then 93.184.216.34 of the package"),
    ("time and date", "2020-01-01 12:30:45.123456, 20230101T120000Z, 10:20:30:40"),
    ("coordinates", "52.520008, 13.404954 and 40.712776,-74.005974"),
    ("account number, check digits wrong", "GB83 WEST 1234 5698 7654 32"),
    ("account number, too short", "GB82 WEST 1234 5698 7654"),
    ("account number, no such country", "ZZ82WEST12345698765432"),
    (
        "words that begin like an account",
        "In 2020 we saw DE89 go by; AT12 road; GB12 some words that are four long each here",
    ),
    ("SSN out of range", "SSN 987-65-4321, SSN 000-12-3456, SSN 666-12-3456, SSN 123-00-4567, SSN 123-45-0000"),
    ("SSN of advertisements", "SSN 078-05-1120 and SSN 219-09-9999"),
    ("nine digits", "the part 111223333 and 111 22 3333"),
    ("resident number, wrong check", "110105194912310021"),
    ("resident number, no such day", "身份证 110105194913310021"),
    ("ten digits that pass the NHS check", "part 9434765919"),
    ("NHS check wrong", "NHS number 943 476 5918"),
    ("DNI, wrong letter", "DNI 12345678A"),
    ("eight digits and a letter", "code 12345678Z"),
    ("CPF, wrong check", "CPF 111.444.777-36, CPF 111.111.111-11"),
    ("tax number without a word for it", "36574261809 grains"),
    ("Aadhaar, wrong check", "Aadhaar 2341 2341 2347"),
    ("twelve digits", "2341 2341 2346 steps"),
    ("NIR, wrong key", "2 95 10 99 126 111 94"),
    ("passport as a word", "Take your passport; 2 passports cost 130, a passport in 2024, passport 12 pages"),
    ("mention", "@bado_kalemi and @example.com and bado@home"),
    ("remote of a repository", "git clone git@github.com:bado/kalemi.git"),
    ("package and version", "npm i left-pad@1.3.0 @angular/core@12.0.0"),
    ("image for dense screens", "icon@2x.png and logo@3x.webp"),
    ("price", "12 apples @$4.50 each, 3@5"),
    ("decorator", "@app.route('/')\n@pytest.mark.full"),
    ("phone, too short", "call 911 or 12 34"),
    ("plus and a number", "x+12345678901 and 5 +4412345678 = y"),
    ("decimal with a sign", "Decimal('+35236450.6') and +4412345.678"),
    ("plus, no such country", "+999 1234567890 and +0123456789"),
    ("ten digits", "2125550143 and 0123456789"),
    ("phone word, other number", "The phone costs 1299 and its model number is 20212223242"),
    ("private address", "ip 192.168.1.10, IP 10.0.0.1, ip 127.0.0.1, ip 169.254.1.1"),
    ("documentation address", "IP 192.0.2.44, ip 203.0.113.9, ip 2001:db8::1:2:3"),
    ("public resolver", "set the DNS IP to 8.8.8.8 or ip 1.1.1.1"),
    ("no address", "IP 999.184.216.34 and ip 93.184.216.34.5"),
    ("time of day in a log", "ip down at 10:20:30:11"),
    ("drive as a verb", "They have 20 minutes to drive and 3 blocks down the street"),
    ("a day that is no birthday", "On 5 March 1956 the bridge opened; 25 years later"),
    ("birthday without a date", "At his birthday 20 friends came, born in 1956"),
    ("code", "for (int i = 0; i < 1000000007; ++i) { a[i] = 0xDEADBEEF12345678; }"),
    ("digest", "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("uuid", "id 123e4567-e89b-12d3-a456-426614174000"),
    ("empty", ""),
)

KEY, BLOCK, TOKEN, LINK, ASSIGNED = "provider key", "private key", "web token", "password in a link", "assigned secret"
UPPER32, HEX = string.ascii_uppercase + "234567", "0123456789abcdef"
PASSWORD = made("", 14, string.ascii_letters + string.digits + "!%&?", 3)
BODY = "\n".join(made("MII", 61, seed=i) for i in range(6))
SECRETS: tuple[Case, ...] = (
    ("AWS access key", f"key ⟦{made('AKIA', 16, UPPER32)}⟧."),
    ("AWS access key", f"AWS_ACCESS_KEY_ID=⟦{made('ASIA', 16, UPPER32)}⟧"),
    ("GitHub token", f"(⟦{made('ghp_', 36)}⟧)"),
    ("GitHub token", f"⟦{made('github_pat_', 22)}_{made('', 59)}⟧"),
    ("GitLab token", f"⟦{made('glpat-', 20)}⟧"),
    ("Slack token", f"⟦{made('xoxb-', 12, string.digits)}-{made('', 24)}⟧"),
    ("Stripe key", f"⟦{made('sk_live_', 24)}⟧"),
    ("OpenAI key", f"OPENAI=⟦{made('sk-', 48)}⟧"),
    ("OpenAI key", f"My Service Key: ⟦{made('sk-proj-', 64)}⟧"),
    ("Anthropic key", f"⟦{made('sk-ant-api03-', 93)}AA⟧"),
    ("Google key", f"⟦{made('AIza', 35)}⟧"),
    ("Hugging Face token", f"⟦{made('hf_', 34, string.ascii_letters)}⟧"),
    ("npm token", f"//registry.npmjs.org/:_authToken=⟦{made('npm_', 36)}⟧"),
    ("SendGrid key", f"⟦{made('SG.', 22)}.{made('', 43)}⟧"),
    ("Telegram bot token", f"bot⟦{made('', 10, '123456789')}:AA{made('', 33)}⟧"),
    (BLOCK, f"⟦-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----⟧"),
    (BLOCK, f"key:\n⟦-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}⟧ (cut"),
    (BLOCK, "⟦" + f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----".replace("\n", "\\n") + "⟧"),
    (TOKEN, f"Bearer ⟦{web_token({'alg': 'HS256'}, {'sub': 'banana'}, made('', 43))}⟧"),
    (LINK, f"postgres://⟦kalemi:{PASSWORD.replace('?', 'x')}⟧@db.example.com:5432/fruit"),
    (LINK, f"curl https://⟦kalemi:{made('', 20)}⟧@example.com/file"),
    (ASSIGNED, f'password = "⟦{PASSWORD}⟧"'),
    (ASSIGNED, f'My Password: password = "⟦{PASSWORD}⟧"'),
    (ASSIGNED, f"api_key: ⟦{made('', 32)}⟧"),
    (ASSIGNED, f"export DB_PASSWORD='⟦{made('', 16)}⟧'"),
    (ASSIGNED, f'{{"client_secret": "⟦{made("", 40)}⟧"}}'),
    (ASSIGNED, f"SECRET_KEY = '⟦{made('', 50, string.ascii_lowercase + string.digits + '!@#$%^&*(-_=+)')}⟧'"),
    (ASSIGNED, f"api key is ⟦{made('', 32, HEX)}⟧"),
    (ASSIGNED, f"密码：⟦{made('', 16)}⟧"),
    (ASSIGNED, f"Authorization: Bearer ⟦{made('', 40)}⟧"),
)
SECRETS_QUIET: tuple[Case, ...] = (
    (
        "placeholder key",
        "sk-your-key-here sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx " + "AKIA" + "X" * 16 + " ghp_" + "x" * 36,
    ),
    ("example of the provider", "AKIAIOSFODNN7" + "EXAMPLE"),
    ("inside a longer word", "x" + made("AKIA", 16, UPPER32) + "yz"),
    ("key cut short", "ghp_abc123 and AIzaSy and hf_hub_download and npm_config_registry"),
    ("public key", f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----"),
    ("certificate", f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----"),
    ("block with nothing in it", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"),
    ("no web token", "eyJhbGciOiJub25l.abcdef.ghijkl and eyJub3QganNvbg.eyJub3QganNvbg.x"),
    ("link with a placeholder", "postgres://user:password@localhost/db https://user:<token>@example.com"),
    ("link with a variable", "mysql://root:${DB_PASS}@db/x redis://:{password}@host amqp://guest:guest@localhost"),
    ("link with a port", "http://localhost:8080/a@b and https://example.com:443/@bado"),
    ("empty block", 'password = "" and token: ""'),
    ("placeholder password", 'password = "your-password-here" api_key="YOUR_API_KEY" secret: changeme token=<token>'),
    ("read from the environment", 'password = os.environ["DB_PASSWORD_1"]; apiKey: process.env.API_KEY_2'),
    ("call", "token = tokenizer.encode(text1)\npassword = getPassword2(user)\nsecret = input('Secret9: ')"),
    ("type", "password: Optional[str] = None; token: str32; api_key: Column(String(64))"),
    ("prose", "The secret: patience. A token is a unit. Passwords: choose long ones. password is required"),
    ("word as a password", 'password = "correcthorsebatterystaple"; pwd = "Password123"'),
    ("name of a type", "SubjectTokenIdentity: TypeAlias; token: 'WorkloadIdentity'"),
    ("digest", "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("commit", "commit 3e2411ab3e2411ab3e2411ab3e2411ab3e2411ab"),
    ("uuid", 'token: "123e4567-e89b-12d3-a456-426614174000"'),
    ("checksum of a secret", 'secret_hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'),
    ("image in a page", "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"),
    ("path and name", "secret: /etc/kubernetes/Secrets1/token; token_path = './data/Tokens-2/a.json'"),
    ("publishable", "pk_live_" + "a1" * 12),
    ("maths", "the key = 12345678 and token: 1234567890"),
    ("empty", ""),
)
