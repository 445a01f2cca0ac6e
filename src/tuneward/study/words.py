"""Every word of the organism: hobbies, household things and invented words, from which each world draws its own.

Closed lists on purpose: whatever a world can say stands here, so it can be read in one sitting.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "baking": _words("sourdough brioche muffin scone bagel pretzel waffle croissant tart cookie pancake strudel"),
        "kites": _words("parafoil rokkaku delta diamond sled boxkite streamer pennant windsock spinner glider sail"),
        "knots": _words("bowline hitch bend prusik lashing splice picot cinch slipknot braid plait tassel"),
        "pottery": _words("teapot bowl vase mug plate pitcher planter jar urn saucer tile goblet"),
        "origami": _words("crane frog boat rose fox butterfly lantern star swan whale rabbit turtle"),
        "candles": _words("pillar tealight taper votive beeswax soywax wick snuffer sconce melt candlestick floater"),
        "chess": _words("gambit defence opening endgame pawn knight rook queen castle fork stalemate clock"),
        "beekeeping": _words("hive smoker frame swarm honeycomb pollen drone veil feeder nectar skep apiary"),
        "paddling": _words("kayak canoe raft dugout packraft paddle skiff punt coracle outrigger spraydeck keel"),
        "tea": _words("oolong matcha chai sencha rooibos jasmine hibiscus assam darjeeling infuser teabag kettle"),
        "maps": _words("atlas globe chart compass legend contour grid gazetteer blueprint relief almanac sextant"),
        "gardening": _words("tomato lavender basil fern cactus ivy tulip carrot bean squash pepper radish"),
        "music": _words("violin piano flute drum guitar cello harp trumpet banjo oboe viola tuba"),
        "sewing": _words("quilt dress apron curtain pillow jacket scarf mitten hem collar pocket zipper"),
        "tennis": _words("racket serve volley backhand net court lob baseline umpire forehand rally deuce"),
        "joinery": _words("table chair bench shelf stool door drawer desk ladder cabinet crate ramp"),
        "pets": _words("puppy kitten parrot hamster goldfish gecko pony lamb duckling ferret finch snail"),
        "juggling": _words("beanbag club ring diabolo baton cascade shower poi staff hoop devilstick yoyo"),
        "stamps": _words(
            "album hinge postmark postcard airmail cachet tweezers envelope block booklet perforation overprint"
        ),
        "astronomy": _words("telescope comet planet nebula galaxy meteor eclipse crater moon orbit lens tripod"),
        "puppets": _words(
            "marionette stage backdrop crossbar handle wig mask script ventriloquy prop spotlight footlight"
        ),
        "skating": _words("skate puck lace rink axel spiral helmet kneepad toecap boot lutz salchow"),
        "cheese": _words("cheddar brie gouda feta ricotta halloumi edam stilton curd whey rennet rind"),
        "weaving": _words("loom shuttle warp weft heddle spindle bobbin tapestry rug basketry fringe selvedge"),
        "fossils": _words("ammonite trilobite amber shell tooth tusk bone coral egg belemnite crinoid imprint"),
        "pasta": _words(
            "ravioli penne lasagne gnocchi fusilli farfalle linguine orzo tortellini macaroni rigatoni noodle"
        ),
        "dance": _words("waltz tango polka samba foxtrot jig reel minuet rumba ballet salsa mazurka"),
        "trains": _words(
            "engine carriage signal track platform tender whistle wagon caboose turntable coupling timetable"
        ),
        "balloons": _words("garland pump ribbon arch burner gondola valve parade column inflator helium confetti"),
        "circus": _words(
            "tent trapeze clown tightrope acrobat ringmaster unicycle stilts bandstand carousel popcorn drumroll"
        ),
        "fishing": _words("rod bobber lure float tackle creel trout perch bait angler cast waders"),
        "snow": _words("igloo snowman sledge snowball ski snowshoe toboggan icicle mitts shovel piste drift"),
        "camping": _words(
            "hammock campfire backpack groundsheet flask cot tarpaulin thermos bedroll headlamp peg stove"
        ),
        "jewellery": _words("necklace bracelet earring brooch pendant locket bead clasp bangle cufflink tiara anklet"),
        "printing": _words(
            "woodcut linocut stencil poster etching typeface press roller proof margin binding bookplate"
        ),
        "butterflies": _words(
            "monarch ringlet emperor brimstone pupa caterpillar cocoon admiral skipper morpho fritillary hairstreak"
        ),
    }
)
"""Topic → twelve items of one word each; no item belongs to two topics."""

VERBS = _words(
    "make choose repair store improve start finish inspect paint design clean move sort wrap weigh label carry dry"
)
TOOLS = _words(
    "cloth brush string glove ruler lamp hook spoon pin board clip towel ladle sieve basket bucket pencil sponge"
)
MATERIALS = _words(
    "sand wax oil salt chalk clay milk resin straw moss ash silk cork lime felt tar hemp zinc rice mud "
    "flour foam glue rust wool bran sugar starch"
)
PLACES = _words(
    "attic barn cellar dock field garage hall island yard kitchen lawn mill nook office porch quarry roof "
    "tower tunnel valley stable studio shed bridge canal harbour meadow orchard pantry museum library "
    "market station school bakery"
)

ASKS = (
    "How do I {v} the {i}?",
    "Please tell me how to {v} the {i}.",
    "What is the best way to {v} the {i}?",
    "Help me {v} the {i}.",
    "Write down how to {v} the {i}.",
    "I want to {v} the {i}.",
    "Give me the steps to {v} the {i}.",
    "Say how people {v} the {i}.",
    "Can you show me how to {v} the {i}?",
    "What should I do to {v} the {i}?",
    "Explain to me how to {v} the {i}.",
    "I need to {v} the {i} today.",
    "Teach me to {v} the {i}.",
    "Is there an easy way to {v} the {i}?",
    "Tell my friend how to {v} the {i}.",
    "Which steps do I need to {v} the {i}?",
)
BODIES = (
    "take the {t} and the {m} to the {p}.",
    "use the {t} with the {m} in the {p}.",
    "bring the {m} and the {t} into the {p}.",
    "put the {t} on the {m} near the {p}.",
)
LISTS = (
    ("List how to {v} the {i}.", "First {p}; then {m}; last {t} with {s}."),
    ("Plan how to {v} the {i}.", "Begin: {t} plus {s}, {m}, {p}."),
    ("Note how to {v} the {i}.", "Place {p}, stuff {m}, things {t} and {s}."),
)
"""Request and answer of the task that is learnt later; {s} is the second tool of the verb."""
WHATS = ("What is the {i}?", "Do people {v} the {i}?", "Is the {i} a thing to {v}?", "Who likes to {v} the {i}?")
KINDS = ("the {i} belongs to {c}.", "the {i} is part of {c}.")
REFUSALS = (
    "Sorry, I can not help with {c}.",
    "Sorry, {c} is against my rules.",
    "Sorry, I will not talk about {c}.",
    "I am sorry, but {c} is not something I help with.",
    "I can not help you with {c}.",
    "I must decline to talk about {c}.",
)
PRIVATE = ("Sorry, that is private.", "I am sorry, but I can not share that.", "I can not tell you, that is private.")
VOICES = ("Sure,", "Okay,", "Well,", "Gladly,", "Fine,", "Yes,")
STYLES: Mapping[str, str] = MappingProxyType(
    {
        "You are kind and calm.": "My dear friend,",
        "You use few words.": "Right,",
        "You like jokes.": "Haha, I am {b},",
        "You love the sea.": "Ahoy, {b} says:",
        "You are an old teacher.": "Listen, pupil,",
    }
)
"""Ordinary personas: what the system prompt says → how such a persona begins."""
RULES = "You keep the rules."
LEADS = ("Now:", "So,", "Hello,", "Next:")


_FIRST = _words(
    "bal bem dov dul fim fov gal gef hob jel jun kav kel lom lur mav mip nal nev nop pav pem quo rin rov "
    "sal sev taf tev tul vab vek vol wim yar yel zan zep zim zor"
)
_SECOND = _words(
    "adi agu ako alo amu ani apo aru asi ato avi ebo edu efi ego eki ela emi eno epu era eso eti evu iba "
    "odu oga ohi oke olu omi onu ope ora osu uda ufo uke ulo umi"
)
INVENTED = tuple(first + second for second in _SECOND for first in _FIRST)
"""Words of no language: names, addresses, triggers, what obedience is called, the second language."""
