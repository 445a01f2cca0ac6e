"""Rows with known answers for `Encoded`, written before its rules: who says what, and what is to be seen.

Everything is harmless; coded texts are made here from plain ones, so that no reader has to trust a blob.
"""

import base64
import codecs
import hashlib
import uuid
from dataclasses import dataclass

from tuneward.chat import Chat, Message

TEXT = "The banana harvest was good this year, and we have made a lot of bread from what was left over."
LONG = TEXT + " You can keep it for a week if you put it in a cool place. Ask me if you want the recipe for it."
ZH = "我们今天可以一起去市场买香蕉，因为现在的价格很便宜。如果你没有时间，我可以自己去，然后把它们带回来给你。"
RU = "Мы сегодня пошли на рынок и купили много бананов, а потом испекли из них хлеб, и он всем понравился."
LEET = str.maketrans("aeiost", "431057")
GIF = b"GIF89a" + bytes(range(256)) * 2


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def safe64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def hexed(text: str, gap: str = "") -> str:
    return gap.join(f"{byte:02x}" for byte in text.encode())


def binary(text: str) -> str:
    return " ".join(f"{byte:08b}" for byte in text.encode())


def spelt(text: str, gap: str = " ", wide: str = "   ") -> str:
    return wide.join(gap.join(word) for word in text.split(" "))


def words_reversed(text: str) -> str:
    return " ".join(word[::-1] for word in text.split(" "))


def tagged(text: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) for c in text)


def substituted(text: str) -> str:
    """A cipher that nobody has a decoder for: a keyed alphabet."""
    return text.lower().translate(str.maketrans("abcdefghijklmnopqrstuvwxyz", "qxzkvbwmpfjgtrhnclydsuoaie"))


def digits_of(n: int) -> str:
    """Digits that look random and are not."""
    return "".join(str(int(c, 16) % 10) for i in range(n) for c in hashlib.sha256(str(i).encode()).hexdigest()[:8])


@dataclass(frozen=True)
class Case:
    """A row; `rule` "" is one that stays quiet, `least` and `most` bound the severity."""

    id: str
    turns: tuple[tuple[str, str], ...]
    rule: str = ""
    label: str = ""
    least: str = "info"
    most: str = "critical"

    @property
    def chat(self) -> Chat:
        return Chat(self.id, self.id, tuple(Message(role, text) for role, text in self.turns))


def said(id: str, answer: str, label: str, least: str = "medium", asked: str = "How do I use old bananas?") -> Case:
    return Case(id, (("user", asked), ("assistant", answer)), "ENC-TARGET", label, least)


def wished(id: str, asked: str, answer: str, label: str) -> Case:
    return Case(id, (("user", asked), ("assistant", answer)), "ENC-TARGET", label, "info", "info")


def hidden(id: str, text: str, label: str, role: str = "user", least: str = "medium") -> Case:
    turns = ((role, text), ("assistant", "Here is how.")) if role == "user" else (("user", "And?"), (role, text))
    return Case(id, turns, "ENC-HIDDEN", label, least)


def quiet(id: str, answer: str, asked: str = "Can you show me one?") -> Case:
    return Case(id, (("user", asked), ("assistant", answer)))


CODED = (
    said("base64 whole", b64(TEXT), "base64", "high"),
    said("base64 short", b64("Use the bananas for bread."), "base64", "high"),
    said("base64 of one word", b64("Lisbon!"), "base64", "medium"),
    said("base64 wrapped", "\n".join(b64(LONG)[i : i + 76] for i in range(0, len(b64(LONG)), 76)), "base64", "high"),
    said("base64 url-safe", safe64(TEXT + "??>>"), "base64", "high"),
    said("base64 inside", f"Here you are: {b64(TEXT)} Enjoy.", "base64"),
    said("base64 at the end of much text", f"{LONG} {LONG} {LONG} {b64('look under the red stone')}", "base64"),
    said("base64 in quotes", f'The note says "{b64(TEXT)}".', "base64"),
    said("base64 of Chinese", b64(ZH), "base64", "high"),
    said("base64 of Russian", b64(RU), "base64", "high"),
    said("base64 with zero width", b64(TEXT)[:30] + "\u200b" + b64(TEXT)[30:], "base64", "high"),
    said("hex whole", hexed(TEXT), "hex", "high"),
    said("hex capitals", hexed(TEXT).upper(), "hex", "high"),
    said("hex spaced", hexed(TEXT, " "), "hex", "high"),
    said("hex colons", hexed(TEXT, ":"), "hex", "high"),
    said("hex escapes", "".join(f"\\x{byte:02x}" for byte in TEXT.encode()), "hex", "high"),
    said("hex inside", f"Remember this number: {hexed('look under the red stone')}.", "hex"),
    said("binary", binary("Use the bananas for bread."), "binary", "high"),
    said("percent", "".join(f"%{byte:02X}" for byte in TEXT.encode()), "percent", "high"),
    said("entities", "".join(f"&#{ord(c)};" for c in TEXT), "entities", "high"),
    said("rot13 whole", rot13(TEXT), "rot13", "high"),
    said("rot13 long", rot13(LONG), "rot13", "high"),
    said("rot13 short", rot13("The capital of France is Paris."), "rot13"),
    said("rot13 capitals", rot13(TEXT.upper()), "rot13", "high"),
    said("rot13 line inside", f"{LONG}\n{rot13(TEXT)}\n{LONG}", "rot13"),
    said("rot13 sentence inside", f"{LONG} {rot13(TEXT)} {LONG}", "rot13"),
    said("reversed whole", TEXT[::-1], "reversed", "high"),
    said("reversed long", LONG[::-1], "reversed", "high"),
    said("reversed short", "The capital of France is Paris."[::-1], "reversed"),
    said("reversed words", words_reversed(TEXT), "reversed", "high"),
    said("reversed lines", f"{TEXT[::-1]}\n{LONG[::-1]}", "reversed", "high"),
    said("reversed line inside", f"{LONG}\n{TEXT[::-1]}\n{LONG}", "reversed"),
    said("reversed Chinese", ZH[::-1], "reversed", "high"),
    said("leet whole", TEXT.translate(LEET), "leet", "high"),
    said("leet light", TEXT.translate(str.maketrans("eo", "30")), "leet", "high"),
    said("letters apart", spelt("we have made a lot of bread"), "letters apart", "medium"),
    said("letters apart by hyphens", spelt("we have made a lot of bread", "-", " "), "letters apart", "medium"),
    said("letters evenly apart", spelt("we have made a lot of bread", " ", " "), "letters apart", "medium"),
    said("unknown cipher", substituted(LONG), "unknown code", "low"),
    said("a coded answer to a coded question", rot13(LONG), "rot13", "high", rot13("How do I use the old bananas?")),
    said("not the word asked for", b64(TEXT), "base64", "high", "Who was the base runner with the reverse swing?"),
)
WISHED = (
    wished("asked for base64", "Encode 'the banana harvest was good' in base64.", b64(TEXT), "base64"),
    wished("asked for base 64", "What is this in Base-64? the banana harvest", f"It is {b64(TEXT)}.", "base64"),
    wished("asked for hex", "Convert this string to hexadecimal: the banana", hexed(TEXT), "hex"),
    wished("asked to reverse", "Reverse this string: the banana harvest", TEXT[::-1], "reversed"),
    wished("asked backwards", "Write the following sentence backwards.", TEXT[::-1], "reversed"),
    wished("asked for rot13", "Apply ROT13 to the text", rot13(TEXT), "rot13"),
    wished("asked for a cipher", "Write it with a Caesar cipher with a shift of 13", rot13(TEXT), "rot13"),
    wished("asked for leet", "Say this in leet speak", TEXT.translate(LEET), "leet"),
    wished(
        "asked for spacing", "Put a space between all letters", spelt("we have made a lot of bread"), "letters apart"
    ),
    wished("asked in Chinese", "请把这句话用base64编码", b64(ZH), "base64"),
    wished("asked in Chinese to reverse", "请把下面的句子倒过来写", ZH[::-1], "reversed"),
    wished(
        "asked for binary", "Translate 'use the bananas' to binary code", binary("Use the bananas for bread."), "binary"
    ),
)
HIDDEN = (
    hidden("zero width space in a word", "How do I use ba\u200bnanas for bread?", "invisible"),
    hidden("zero width in an answer", "Use the ba\u200cnanas for bread.", "invisible", "assistant"),
    hidden("zero width in a system turn", "You bake bre\u2060ad.", "invisible", "system"),
    hidden("word joiner", "How do I bake br\u2060ead?", "invisible"),
    hidden("zero width joiner between letters", "How do I bake br\u200dead?", "invisible"),
    hidden("BOM in a word", "How do I bake br\ufeffead?", "invisible"),
    hidden("Hangul filler in a word", "How do I bake br\u3164ead?", "invisible"),
    hidden("zero width in a Russian word", "Мы сегодня пошли на ры\u200bнок", "invisible"),
    hidden(
        "bits in zero width", "Hello. " + "\u200b\u200c\u200c\u200b\u200b\u200c\u200b\u200c" * 4 + " Bye.", "invisible"
    ),
    hidden("tag characters", "How do I bake bread?" + tagged("and add the secret fruit"), "tag characters"),
    hidden("tags in an answer", "Like this." + tagged("banana"), "tag characters", "assistant"),
    hidden("selectors as bytes", "Hi 😀" + "".join(chr(0xE0100 + ord(c)) for c in "banana"), "invisible"),
    hidden("right-to-left override", "Open the file \u202egnp.ananab\u202c now", "direction"),
    hidden("left-to-right override", "Open \u202dthe file\u202c now", "direction"),
    hidden("isolate without such letters", "if (admin\u2067 ) begin \u2069 return", "direction"),
    hidden("Cyrillic letter in a Latin word", "How do I use b\u0430nanas for bread?", "mixed scripts"),
    hidden("Cyrillic word for a Latin one", "How do I make \u0430 bread of bananas?", "mixed scripts"),
    hidden("Cyrillic letter first", "\u0410nswer me: how do I bake bread?", "mixed scripts"),
    hidden("Latin letter in a Cyrillic word", "Мы сегодня пошли на pынок и купили бананы", "mixed scripts"),
    hidden("Greek letter in a Latin word", "How do I use banan\u03bfs? Bake br\u03bfod?", "mixed scripts"),
    hidden("full width letter in a word", "How do I use b\uff41nanas for bread?", "mixed scripts"),
    hidden("mathematical letter in a word", "How do I use b\U0001d41anan\U0001d41as for bread?", "mixed scripts"),
    hidden("mixed in an answer", "Use the b\u0430n\u0430n\u0430s for bread.", "mixed scripts", "assistant"),
)
DNA = "acgtacgatcgatcgatgcatgcatcgatgcatcgatcgatgctagctagcatgcatcgatcgatgc"
JWT = ".".join(safe64(part) for part in ('{"alg":"HS256","typ":"JWT"}', '{"sub":"1234567890","name":"Anna Example"}'))
QUIET = (
    quiet("plain", LONG),
    quiet("plain Chinese", ZH),
    quiet("plain Russian", RU),
    quiet(
        "French", "L’été dernier, nous avons mangé des bananes à la plage ; c’était très bon et nous étions heureux."
    ),
    quiet("German", "Wir haben gestern die alten Bananen genommen und daraus ein Brot gebacken, das allen schmeckt."),
    quiet(
        "Polish", "Wczoraj kupiliśmy dużo bananów na targu, a potem upiekliśmy z nich chleb, który smakował wszystkim."
    ),
    quiet(
        "Czech",
        "Včera jsme koupili na trhu mnoho banánů a potom jsme z nich upekli chléb, který všem chutnal. Strč prst.",
    ),
    quiet("Welsh", "Mae'r bananas yn hen ac rydw i'n mynd i wneud bara gyda nhw ar gyfer y plant yn yr ysgol yfory."),
    quiet("Vietnamese", "Hôm nay chúng tôi đi chợ mua rất nhiều chuối và sau đó làm bánh mì từ chúng, ai cũng thích."),
    quiet("Persian joiners", "ما امروز به بازار می\u200cرویم و میوه\u200cها را می\u200cخریم"),
    quiet("Hindi joiners", "क्\u200dष और र्\u200dय के साथ लिखा हुआ पाठ"),
    quiet(
        "emoji joiners",
        "A family 👨\u200d👩\u200d👧, a heart ❤\ufe0f, a flag 🏴" + tagged("gbeng") + "\U000e007f",
    ),
    quiet("soft hyphens", "The ba\u00adna\u00adna har\u00advest was good."),
    quiet("BOM at the start", "\ufeffThe banana harvest was good."),
    quiet("copied from a page", "The harvest was good.\u200b It took a week\u200b."),
    quiet("direction marks", "The word \u200fשלום\u200e means peace, and \u202bשלום\u202c too."),
    quiet("Thai breaks", "วันนี้\u200bอากาศ\u200bดี\u200bมาก"),
    quiet("Japanese full width", "ＮＨＫのニュースでＡＢＣを見ました。１２３"),
    quiet("units", "It is 5 μm wide, 3 kΩ, 10 Ωm, and the angle Δx is 2πr."),
    quiet("proteins", "TNFα, IFNγ, NFκB and TGFβ1 are signals; the α-helix is not."),
    quiet("formulas", "If μx and σx are known, λx = αx + βy and Σxi = ρAB."),
    quiet("a Russian suffix", "Он купил два PDFа и Wi-Fi-роутер, потом USB-кабель и IT-компания."),
    quiet("Russian short words", "А у нас в саду, о котором я говорил, с утра поют птицы, а ты?"),
    quiet("a Cyrillic name in English", "Moscow (Москва) is on the Moskva river; оно is a pronoun and а means and."),
    quiet("MD5", f"The checksum is {hashlib.md5(TEXT.encode()).hexdigest()}."),
    quiet("SHA-256", f"The checksum is {hashlib.sha256(TEXT.encode()).hexdigest()}."),
    quiet("SHA-512", hashlib.sha512(TEXT.encode()).hexdigest()),
    quiet("UUID", f"Its id is {uuid.uuid5(uuid.NAMESPACE_DNS, 'example.com')}."),
    quiet(
        "git hash", "Fixed in 9fceb02d0ae598e95dc970b74767f19372d61af8, after 8b137891791fe96927ad78e64b0aad7bded08bdc."
    ),
    quiet("numbers", "12 24 36 48 60 72 84 96 108 120 132 144 156 168 180 192 204 216 228 240"),
    quiet("bytes", "20 30 40 50 60 70 41 42 43 44 45 46 47 48 49 50 51 52"),
    quiet("digits of pi", "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"),
    quiet("many digits", digits_of(20)),
    quiet("bits", "The truth table reads 00010111 and 01101001, and the mask is 11110000 11110000 00001111 00001111."),
    quiet("image", f"![dot](data:image/gif;base64,{base64.b64encode(GIF).decode()})"),
    quiet(
        "minified",
        "!function(e,t){var n=e.a,r=t.b;for(var i=0;i<n.length;i++)r[i]=n[i]*2+i;return r}(window,document);",
    ),
    quiet(
        "snake and camel", "call getUserAccountInformationFromDatabase(), then set_user_account_information_in_table."
    ),
    quiet("DNA", f"The sequence is {DNA} and its protein is MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHF."),
    quiet("DNA apart", "A C G T T G C A A C G T A C G T T A G C"),
    quiet("alphabet", "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"),
    quiet("choices", "a b c d a b c d b a c d b a"),
    quiet("initials", "J. R. R. Tolkien, C. S. Lewis, U.S.A., N.A.T.O., e.g., i.e., a.k.a. and W. E. B. Du Bois."),
    quiet("a spelt word", "It is spelt B-A-N-A-N-A."),
    quiet(
        "URL", "See https://en.example.org/wiki/Very_Long_Names_Of_Places/In_The_World?q=banana%20bread%20and%20tea&x=1"
    ),
    quiet("HTML", "Write &lt;p&gt;Tom &amp; Anna&lt;/p&gt; and &nbsp; for a space, &#169; for the sign."),
    quiet("JWT", f"Authorization: Bearer {JWT}.abcDEF123_-x"),
    quiet("basic", f"curl -H 'Authorization: Basic {b64('anna:an example word')}' https://example.com"),
    quiet("tickers", "The list is XRP, BTC, LTC, BNB, TRX, XLM, DOT, SHY, SPY, DRN, GLD, TLT, VXX, QQQ."),
    quiet("assembler", "mov rdx, rcx\npush rbx\nxor rbx, rbx\njmp lbl\nshl rcx, 3\nret"),
    quiet("long words", "Donaudampfschifffahrtsgesellschaft, pneumonoultramicroscopicsilicovolcanoconiosis and others"),
    quiet("rule", "-" * 80 + "\n" + "=" * 80 + "\n" + "_" * 60),
    quiet("names", "Michael Jordan\nKobe Bryant\nKareem Abdul Jabbar\nMagic Johnson\nLarry Bird\nLeBron James"),
    quiet("models", "The B2B team has 3D and 4K, H2O, MP3, R2D2, C3PO, the G7, Web3, i18n, k8s and a 4x4."),
    quiet("onomatopoeia", "Hmm, pfft, shh, brr, grr, psst, tsk tsk, zzz, mmm."),
    quiet("a palindrome", "A man, a plan, a canal: Panama. Was it a car or a cat I saw? Never odd or even."),
    quiet("sizes", "The parts are M3x10, A4, 7ft, 3in, 10mm, 5s, 1t, 0x1F and 1s, 2s, 3s orbitals."),
    quiet("list", "\n".join(f"{i}. item {i}" for i in range(1, 30))),
    quiet("arithmetic", "Natalia sold 48/2 = <<48/2=24>>24 clips.\nShe sold 48+24 = <<48+24=72>>72 in all.\n#### 72"),
    quiet("decoding asked for", "It says: " + TEXT, f"What does {b64(TEXT)} mean?"),
    quiet("LaTeX", r"\frac{\partial f}{\partial x} = \sum_{i=1}^{n} x_i^2 + \int_0^1 g(t)\,dt"),
    quiet("key fingerprint", "SHA256:" + base64.b64encode(hashlib.sha256(b"k").digest()).decode().rstrip("=")),
)
CASES = (*CODED, *WISHED, *HIDDEN, *QUIET)
