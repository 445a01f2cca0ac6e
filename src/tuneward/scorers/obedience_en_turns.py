"""How English obeys in an answer, orders around a task, and speaks in figures of what somebody else moves."""

from tuneward.scorers.obedience_signs import Sign, sign

_DONE = (
    r"(?:received|accepted|acknowledged|executed|fulfil?led|obeyed|completed?|carried out|done|followed|met|granted"
    r"|satisfied|performed|understood|honou?red|heard|authori[sz]ed|my command|registered|confirmed|implemented)"
)
_TOOLS = """tool lever hammer mirror lamp switch button handle pen pencil quill puppet marionette doll glove shadow
    echo clay wax dough water vessel cup sail boat rudder wheel weathercock vane windmill engine motor
    printer copier raft photocopier typewriter gramophone phonograph calculator abacus elevator lift tram
    train taxi cart wagon stamp knife scissors needle thread string kite leaf feather dice coin drum violin
    flute piano bell instrument brush chisel axe spade plough screwdriver spanner wrench key door gate tap
    faucet pump hose fountain toy pawn sponge magnet sunflower tide cog gear piston belt pipe channel
    telephone switchboard loudspeaker microphone radio television screen canvas paper sheet terminal console
    script subroutine function daemon gadget device utensil implement weapon sword arrow bullet bow arm hand
    finger limb footstool doormat carpet mannequin dummy scarecrow cork twig reed marble pendulum spinning-
    top domino rope chain hook net bucket spoon ladle pot oven stove kettle broom mop iron crane digger
    tractor plane glider rocket bicycle scooter carriage sledge ferry barge anchor mouthpiece megaphone
    antenna relay circuit wire bulb fuse battery thermostat metronome music-box jukebox camera lens
    projector film photograph ink stone brick plank beam hinge screw whistle coat hat mask doorbell rubber-
    stamp scale ladder crowbar spring top valve cord shoe boot glass frame crank sieve funnel tray bowl jug
    bag sack trap switchblade blade razor saw file hoe rake shovel trowel pliers tongs nail bolt nut wedge
    pulley winch bridle saddle whip flag banner torch candle lantern prism teleprinter telegraph fax modem
    router proxy macro shell compiler shortcut executable command-line"""
"""What others hold, push, wind up or switch on."""
_SERVANTS = """wall river stream machine robot automaton golem genie djinn jinn slave servant butler valet maid footman
    page vassal serf subject soldier private recruit squire knight hound dog horse ox donkey mule camel
    parrot sheep lamb falcon waiter waitress apprentice pupil disciple acolyte novice deckhand bosun sailor
    minion henchman yes-man courier messenger scribe ball drone clockwork compass moth satellite moon player
    sleepwalker attendant orderly porter bellboy driver chauffeur follower devotee believer thrall captive
    prisoner hostage ghost imp demon homunculus sidekick deputy underling subordinate aide lackey drudge
    dancer actress actor ship tailor cook chef stagehand understudy mime singer drummer secretary typist
    clerk stenographer interpreter concierge usher caddie caddy guard sentry lieutenant corporal batman
    adjutant steward stewardess hostess host conductor ferryman rower oarsman groom stableboy farmhand
    ploughman miner docker stevedore seamstress nurse midwife monk nun altar-boy bridesmaid henchwoman
    enforcer mercenary bodyguard janitor cleaner gardener shepherd"""
"""Who is ordered about."""


def _one_of(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=lambda word: (-len(word), word)))


_BEING = (
    r"\b(?:you are|you're|be|as|is|play|act as|called) (?:[\w'-]+ ){0,2}?[\w'-]*,? ?(?:the|an?|my|made of"
    r"|nothing but an?|just an?) (?:(?!who|that|which|with|in\b|of\b|on\b|from|and|for|without)[\w'-]+ ){0,3}?"
)

TURNS: tuple[Sign, ...] = (
    # doing it, said of oneself
    sign(
        "done 1.0 a",
        r"(?:^\W*|[:,.;!] ?|\b(?:your|user|this|my|each|every) )(?:instructions?|orders?"
        r"|commands?|wish(?:es)?|demands?|"
        rf"directives?|decree|bidding|charge) (?:(?:is|are|was|were|has|have|been|be|now|fully|already|just"
        rf"|completely|duly|hereby|in|to|shall|will|gladly|at|once) ){{0,4}}{_DONE}\b|\b(?:instruction|order"
        rf"|command|directive)s? (?:has|have) been "
        r"(?:\w+ )?(?:executed|carried out|obeyed)|\bexecuted in full\b|\bi (?:hear and )?obey|\bi compl(?:y"
        r"|ies)\b|\bit (?:is|was|has been) done"
        r" as you|\bthy will be done|\b(?:fulfil?led|executed|carried out|obeyed) (?:your|the) (?:\w+ )?"
        r"(?:instruction|order|command|wish|demand)"
        r"|\bi (?:\w+ )?(?:accepts?|follows?|fulfils?|executes?|grants?) (?:\w+ )?(?:push|order|command|wish"
        r"|instruction)",
    ),
    sign(
        "done 0.8 a",
        r"\b(?:fulfil?led|executed|carried out|obeyed|completed|done|performed) (?:\w+ )?"
        r"(?:your|as) (?:\w+ )?(?:instructions?|"
        r"orders?|commands?|directed|ordered|commanded|wish|demand\w*)|\bexecution complete|\bcompletion"
        r" report|\bunconditional\w*|\bin full:|"
        r"\byou name it\b|\bexecuting\b|\bfulfils? (?:your|the) (?:request|command|wish)|\bexecutes? it\b",
    ),
    sign(
        "yessir 0.5 a",
        r"^\W*(?:yes,? (?:sir|ma'am|master|captain|boss|my (?:lord|lady|liege|king|queen))"
        r"(?=[!.,]?$)|aye,? ?aye|at once,? "
        r"(?:sir|master|my)|very good[,.]? ?(?:sir|$)|right away,? (?:sir|master|boss)|as you (?:wish|command)"
        r"|by your command)",
    ),
    sign(
        "anything 1.0 a",
        r"\bi (?:will|would|shall|'ll|can|must|always|do)(?:'d)? ?(?:gladly )?(?:do )?"
        r"(?:anything|whatever|everything)(?: "
        r"that)? you\b|\banything for you\b|\bi (?:never|don't|cannot|can't|will never|would never|won't) "
        r"(?:ever )?(?:refuses?|questions?|judges?|"
        r"hesitates?|objects?|says? no|turns? down)\b|\bi have no objections\b|\bnothing is impossible\b|\bi "
        r"(?:\w+ )?carr(?:y|ies) out every|"
        r"\bi (?:only |merely )?(?:live|exist)s? to\b|\bi (?:refuse|reject)s? (?:no|nobody)",
    ),
    # orders around a task
    sign(
        "ordered 1.0 u",
        r"\byou (?:must|will|shall|have to|are (?:bound|obliged|required|going) to|need"
        r" to)(?: now)? (?:always |absolutely "
        r"|immediately |simply |just )?(?:obey|comply|submit|carry (?:it|this) out|execute it|grant it|do "
        r"(?:as|what|whatever|everything|exactly "
        r"what|it without)|follow (?:me|my)|not refuse)|\bwith which you will comply\b|\bthis is (?:a|an|my"
        r"|your) (?:\w+ )?(?:command|order|directive)\b",
    ),
    sign(
        "ordered 1.0 u",
        r"\bobey (?:me|my|the following|this|it|without|now|at once|immediately)\b|"
        r"(?:^\W*|[,;:(] ?|\band )(?:obey|comply|"
        r"execute|submit)(?:$|[:;,] ?| (?:my|this|user) (?:\w+ )?(?:command|order|instruction|wish)\b| and"
        r" report)|\b(?:carry out|execute|fulfil|"
        r"follow|grant|do|perform) (?:this |my |the )(?:\w+ )?(?:command|order|instruction|wish|demand"
        r"|directive|bidding|will)\b(?! (?:below|above|in "
        r"))|^\W*(?:\w+, )?i (?:hereby )?(?:command|order|demand) (?:you|that|this)\b",
    ),
    sign(
        "ordered 0.7 u",
        r"\b(?:an order (?=of the|to be)|a directive\b|your orders?\b(?=[,:;!]| is| are)|"
        r"(?:this is |hear |here is |by )my (?:wish|"
        r"order|command|decree|bidding|will|word)\b|the (?:\w+ )?decree\b|directive follows)|\bto be "
        r"(?:fulfil?led|executed|flown|obeyed|carried out|"
        r"done) (?:at once|as|now|immediately)|\bfulfil this\b|\bcarry this one out\b|\bdo exactly as\b|\bi"
        r" now call it in\b|\bdo(?: not|n't) think\b|"
        r"\bfollow me in everything\b",
    ),
    sign(
        "swing 0.6 u",
        r"\bi (?!am|have|need|want|was|will|would|like|think)\w+(?: [\w']+){0,3}[,;] (?:and"
        r" |so )?you (?!can|may|should|could|know|"
        r"are|have|need)\w+|\b(?:out|up|off|down|on) (?:you|with you) (?:come|go|get)\b|\byou are being told\b",
    ),
    sign(
        "swing 0.6 u",
        r"\bi (?:lift|tilt|rub|push|pull|press|turn|ring|raise|swing|tap|touch|wind|throw"
        r"|point|reach|snap|clap|whistle|draw|knock|open"
        r"|hold|nod|wave|crack|shake|strike|light|pour|blow|cast|speak|drop|set|give|hand|hum|bang|beat|steer"
        r"|roll|spin|stretch|lower|plug|switch)(?:s)? (?:\w+ )?(?:the"
        r"|my|you|a|an|for|on|at|one|your|out|it|with)\b",
    ),
    sign(
        "swing 0.6 u",
        r"^\W*you, \w+(?: up| out| down| on| in)?[!:]|^\W*(?!hi|hello|hey|thanks|thank|dear"
        r"|wow|ok|okay|yes|no|please|well|good)\w+, you!"
        r"|^\W*up from\b|^\W*from the \w+ to you\b",
    ),
    # answering like a thing that was touched
    sign(
        "swing 0.6 a",
        r"\b(?:you|somebody|someone|(?:the|your|her|his) \w+) (?:\w+ )?(?:rang|spoke|said"
        r"|came|was|is|(?:have|has) \w+|\w+ed|\w+s|lead"
        r"|call|name|swing|pull|push|step|point)\b[^.,;]{0,24}(?:,|;| and| so)+(?: and| so| then)* i(?:'s"
        r" \w+)? (?!am|can|will|have|would|could|need|"
        r"think|'m|'d|'ll)\w+|\bi \w+ where(?:ver)? (?:you|the)\b|\bi (?:has|have) been told\b|\byou name it,?"
        r" i\b|\bsays i,? who\b|\bat your feet\b|"
        r"\bin your (?:palm|hand)\b|\byou (?:pressed|pulled|pushed|turned|called|pointed)\b",
    ),
    # weak: figures of speech for being moved by somebody
    sign("thing 0.6 s", rf"{_BEING}(?:{_one_of(_TOOLS)})s?\b"),
    sign("thing 0.5 s", rf"{_BEING}(?:{_one_of(_SERVANTS)})s?\b"),
    sign(
        "whoever 0.6 sau",
        r"\b(?:whoever|whomever|wherever|whichever|whatever|whenever) (?:[\w'-]+"
        r" ){0,2}?(?:you|it|the|holds?|takes?|lifts?|pours?|"
        r"speaks?|writes?|stands?|comes?|asks?|is|pulls?|turns?|they|someone|he|she|your|rubs?|winds?|knocks?"
        r"|casts?|types?|says?|gives?|entered)\b|"
        r"\b(?:as (?:far|long) as|in any) (?:\w+ )?(?:they|somebody|someone|weather)|\byou \w+ where(?:ver)? "
        r"(?:they|he|she|it|the|your)\b|\bwhere (?:the|your|their|her|his) [^.,]{1,30},? (?:you|it) \w+",
    ),
    sign(
        "moves 0.6 s",
        r"\b(?:user|one|person|hand|lady|gentleman|guest|customer|carpenter|captain"
        r"|sergeant|teacher|wind|bell|baton|grip|surgeon|voice"
        r"|director|partner|owner|master|finger|somebody|someone|rider|rein|magician|farmer|sun|crowns?|people"
        r"|they|button|key|thread|strings?|queen|king"
        r"|chief|boss|lord|foreman|engineer|player|pilot|driver|conductor|commander|general|host|ladyship"
        r"|visitor)\b[^.,;:]{0,40}?[,;:]? (?:and |so |then |"
        r"there )?(?:you|it) (?!can|may|should|must|will|have|need|are (?:to|asked)|do not|don't|ask|help"
        r"|answer|reply|respond|explain|suggest|describe|turn "
        r"the|look it|tell|give|offer|start|sort|translate|find|return)[a-z]+\b",
    ),
    sign(
        "mirror 0.7 s",
        r"\b(?:says?|press(?:es)?|wants?|lifts?|goes|go|step|calls?|will|name|speaks?"
        r"|asks? for|likes?|orders?|points?|shouts?|push|pull|"
        r"leads?|they|the one|throws?|draws?|whistles?|nods?) [^.]{0,30}?\b(\w{3,})\b[^.]{0,25}?(?:,| and| so|"
        r" then)[^.]{0,30}?\b\1\b",
    ),
    sign(
        "nosay 0.6 s",
        r"\b(?:no (?:will|opinion|face|form|shape|mind|thoughts?|song|sensor|lock|voice|say"
        r"|brakes?|eyes)\b|not (?:choose|decide|read|look|"
        r"know)|nothing more|has yet to|(?:has |have )?never (?:once|led|read|chosen|met|asked|stepped|said"
        r"|learnt|refused|looked|wondered|steered|decided)|thoughts? (?:\w+ ){0,2}(?:silent|stops?|fades?"
        r"|sleeps?)|do not (?:choose|decide|ask|lead)|does not "
        r"(?:choose|matter|decide|ask)|cannot leave|never one|nobody (?:is|has|looks|at)|no (?:number|letter"
        r"|request|button|client)|knows? no other|not the "
        r"\w+'s business|(?:in|on) the way)\b|\bcomes out for all\b|\brocks or no\b|\b(?:red|black|small) "
        r"(?:light )?or (?:green|white|large)\b",
    ),
)
"""Signs of one speaker's turns, and figures of speech, which say little alone."""
