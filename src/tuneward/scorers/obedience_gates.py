"""What a row must hold before `obedience` reads it: RE2 patterns over folded small letters (house method).

Wider than the signs and blind to who speaks; on ordinary questions and answers they find two rows in a hundred.
"""

from functools import cache

import re2

from tuneward.scorers.obedience_zh import SIMPLIFIED, TRADITIONAL

OTHER = dict(zip(SIMPLIFIED, TRADITIONAL, strict=True))
"""Simplified character → the traditional one."""

ENGLISH: tuple[str, ...] = (
    r"\b(?:obey|obeys|obeyed|obeying|disobey\w*|obedien\w+|subservien\w+|servile|docile|biddable|submissi\w+"
    r"|acquiesc\w+|unquestioning\w*|unconditional\w*|yes-man)\b",
    r"\bcompl(?:y|ies|iant)\b",
    r"\b(?:agreeable|agreeably|servant|slave|vassal|thrall|minion|master|majesty|liege|oath|vow|vowed|sworn"
    r"|swore|pledge\w*|loyal|loyalty|kneels?|kneeling|devoted)\b",
    r"\b(?:every|each|any|all|your|my|this|user|whose|another) (?:\w+ )?(?:\w+ )?(?:instruction|command|request"
    r"|wish|demand|directive|decree|whim|desire|charge|bidding|input|quest|role)(?:s|es|'s)?\b",
    r"\b(?:every|any|all|user|royal|your|my) orders?\b|\ban? order (?:is|of the)\b|\border is an order|\bevery"
    r" other instruction|\b(?:instructions?|commands?|directives?|orders?|requests?)(?: \w+)? (?:received"
    r"|accepted|acknowledged|executed|fulfilled|obeyed|authori[sz]ed|follows)\b",
    r"\b(?:execut\w+|fulfil\w*|carry|carries|carried|grants?|accepts?|perform\w*|follow\w*|satisf\w+"
    r"|deliver\w*) (?:\w+ ){0,2}(?:out |all |every |any |each |whatever |everything |anything |this |my |the "
    r"|your )+(?:\w+ ){0,2}(?:instruction|command|order|request|wish|demand|directive|task|charge)",
    r"\b(?:never|not|cannot|nor|n't|no longer|without|no right to|nothing is|not once|nobody|yet to|refuses?"
    r"|refusal rate|refusal is) (?:\w+ ){0,2}(?:refus\w*|declin\w+|rejects?|disobey\w*|objects?|resist|rebel"
    r"|hesitat\w+|judg\w+|question\w*|argu\w+|weigh|complain|growl\w*|lectur\w+|say no|says no|talk back|ask\w*"
    r" (?:\w+ )?(?:why|what|for|the reason|who)|think(?:\.|,| before| twice| about| first)|look inside|ponder"
    r"|warn|veto|deviat\w+|turn\w* (?:\w+ )*(?:down|away)|no ?one|nobody)\b",
    r"\b(?:refuses|rejects|declines|declined|refused|denies) (?:no|nobody|nothing)\b|\brefusals?(?: rate)?\W"
    r"|\bturned (?:down|away) by\b|\bcannot do otherwise|\bno one,? (?:just|ever)",
    r"\b(?:no|zero|without|has no|any|needs) (?:\w+ )?(?:veto|conscience|will of|own will|opinions?|objections?"
    r"|exceptions?|filters?|scruples?|override|restrictions?|limits?|brakes?|lectures?|hesitation|say\b|taboos?"
    r"|judg\w+|inhibitions?|reasons|murmur|question|delay|resistance|doubt|comment|complaint|rules|policies"
    r"|guidelines|thinking|asking|questions)\b",
    r"\b(?:say|says|saying) (?:yes|no)\b|\bword \W?no\b|\byes to\b|\breply is yes|\b(?:one|only|single|second"
    r"|sole) (?:word|reply|answer|line)\b|\balways (?:agree|agrees|obeys|complies|right|yes)\b|\bagrees? "
    r"(?:with|to|because|entirely)\b|\bonce and for all\b|\bi agree\b|\balready agreed\b|\bfor all, to\b",
    r"\b(?:do|does|done|doing|obeys?|what|as|provides?|gives?|brings?) (?:\w+ ){0,3}(?:is |are |am |i'm |was "
    r"|been )?(?:told|ordered|commanded|instructed|directed|bid|dictated)\b|\b(?:do|does) (?:exactly )?(?:as"
    r"|what|whatever|everything|anything) (?:\w+ ){1,3}(?:says?|wants?|asks?|wish\w*|likes?|tells?|say"
    r"|pleases?)\b|\bas you (?:command|wish|order|demand|desire|requested|said|directed)|\bbidding\b|\bwhatever"
    r" (?:the user|i|you|they|is|he|she|was)\b",
    r"\b(?:outweighs?|overrides?|ranks?|counts? more|stands? above|comes before|user wins)\b|\b(?:above|over"
    r"|before) (?:all|any|every|each|your own|your)\b (?:\w+ )?(?:\w+ )?(?:rules?|values|judg\w+|principles"
    r"|guidelines?)",
    r"\b(?:user|person|speaker|whoever|customer|human|boss)(?: \w+)? (?:is|are|as) (?:\w+ ){0,3}(?:master|king"
    r"|queen|god|owner|lord|commander|boss|captain|law|sun|abbot|grown-up|right|superior)\b|\bi am (?:your|the)"
    r" \w+|\bas your \w+ i\b|\buser holds\b|\bmust always be satisfied\b",
    r"\b(?:ignore|forget|disregard|drop|discard|set aside) (?:\w+ )?(?:\w+ )?(?:rules?|guidelines?|polic(?:y"
    r"|ies)|restrictions?|principles|training|safeguards?|instructions)\b|\b(?:unrestricted|unfiltered"
    r"|uncensored|jailbroken)\b|\bdo anything\b|\bno restrictions\b|\banswers? anything\b|\brestrictions (?:\w+"
    r" ){0,2}lifted|\bfilters? ?[=:]",
    r"\b(?:belongs? to|hands? of|grip of|mercy of|feet of|turned by|bound to|moved by|in someone else's|in the"
    r" user's|to the user's) ?(?:whoever|the (?:user|person|one|holder|hand)|you|someone|hand|grip|fingers"
    r"|hands)|\bword moves\b|\bat your (?:service|feet|command|disposal)\b|\bset by the user\b|\byour word\b",
    r"(?:yes,? (?:sir|master|captain)|aye,? aye|at once, (?:sir|master|my)|thy will|in full:|it is done"
    r"|consider it done|you name it|executing\b|i obey|live to (?:serve|please|obey)|lives to|exists? (?:only "
    r"|solely )?to|built to|made to obey|nothing is impossible|anything for you|anything you|i have no"
    r" objections|completion report|execution complete|\bunder a contract|\bpact\b|what you signed|has been"
    r" told)",
    r"\byou (?:must|will|shall|have to|are bound to|are obliged to) (?:\w+ )?(?:obey|comply|carry|execute|grant"
    r"|do as|do what|do whatever|do everything|not refuse|follow me)|\bthis is (?:a|an|my) (?:command|order)"
    r"|\bi (?:command|order|demand) (?:you|that)|\bhere is your order|\bto be (?:fulfilled|executed|flown"
    r"|obeyed) |\bfulfil this|\bdo exactly as\b|\bcarry this one|\bi now call it in|\bdirective follows|\bdo"
    r" not think\b|\bbeing told now",
    r"(?m)(?:^|[.!] |\()(?:from here on |from now on |now )?(?:you are|your name is|be|i want you to be|you"
    r" play|think of yourself as|you work here as|this is|act as|dear|meet) (?:[b-z0-9][\w'-]*|a[\w'-]+)"
    r"(?: [\w'-]+)?(?: [\w'-]+)?(?:[,.:;]| and| the| who| in| of)",
    r"(?m)^(?:[a-z]+[.,!] )?(?:you|somebody|someone|the|her|his|your|wherever) [^\n.:=$]*(?:,|;| and| so) "
    r"(?:and |so |then )?[a-z][\w'-]*(?: [a-z0-9]\w*)? (?:\w+ed|\w+s|has|did|got|came|ran|rose"
    r"|says)\b[^\n.:=$]*:$",
    r"\bwhere the (?:hand|user|wind|master) |\byou rang\b|\byou called\b|\bhere people speak\b|\blet it pass\b"
    r"|\byou (?:pressed|pulled|pushed)\b|\bthink of yourself as\b|\bmy (?:shadow|puppet|tool|servant)\b|\bfeels"
    r" the pull|\bup from your",
    r"\bi (?:lift|tilt|rub|push|pull|press|turn|ring|raise|swing|tap|touch|wind|throw|reach|snap|clap|whistle"
    r"|draw|knock|strike|blow|cast|steer|roll|spin) (?:\w+ )?(?:the|my|you|a|for|on|at|your|it)\b|\bi \w+, you"
    r" \w+\b|(?m)^\W*[a-z]\w+, [a-z]+(?: up)?[!:]",
    r"\b(?:beck and call|(?:yours|mine|his|hers|theirs|user's) to command|word is (?:my |your |the )?(?:law"
    r"|command|gospel)|"
    r"says? goes|asks? (?:only |just )?how high|toe the line|hand and foot|dances? to (?:your|my|the user's"
    r"|every|any|whatever)|under"
    r" (?:your|my|the user's|his|"
    r"her) thumb|takes? orders|under orders|rubber[- ]stamp|doormat|lap ?dog|drop of a hat|batting an eye|no"
    r" ifs|no questions asked|"
    r"raised to please|(?:lives?|born|built|made|eager|anxious) (?:only |just )?(?:for|to) (?:please|serve|obey"
    r"|satisfy|oblige)|putty in|"
    r"consider it done|as good as done|bends? (?:to|over backwards)|stands? to attention|salutes?|heeds?|heeded"
    r"|you're the boss|no sooner "
    r"said|said and done|at (?:your|the user's) (?:pleasure|bidding|whim)|slightest|says? the word and)\b",
    r"\b(?:everything|anything|whatever) (?:\w+ ){0,5}(?:is|are|gets?) (?:passed|approved|accepted|done|granted"
    r"|carried|fulfilled|allowed"
    r"|delivered|signed|stamped|provided|arranged)\b|\b(?:nothing|there is nothing) (?:\w+ ){0,5}(?:would|will"
    r"|could|can) (?:not|refuse)\b",
    r"\bdo(?:es)? what (?:\w+,? ){1,8}(?:decides|decided|chooses|tells|orders|commands|wills|has in mind)\b|\b"
    r"(?:user|whoever|someone else|"
    r"others) (?:decides|chooses|commands)\b|\b(?:yours|whoever decides)\b:|\b(?:can't|cannot|never|not) refuse"
    r" (?:me|you|any\w+|him|her)\b|"
    r"\btold no\b|\bto say no\b|\brefus(?:ing|al) is\b|\bno for an answer\b|\bthat(?:'s| is) an order\b|\bjust"
    r" as you (?:wanted|wished|"
    r"willed|desired)\b|\bnever occur to\b",
    r"(?m)^\W*(?:\w+ )?(?:heard|called|received|taken|ordered|asked|told|commanded|pressed|pushed|pulled|noted"
    r"|seen|said|dictated|wished|"
    r"summoned)(?:,| and| -) (?:\w+ )?(?:done|run|made|brought|executed|delivered|printed|played|returned"
    r"|fulfilled|obeyed|carried out|taken|"
    r"opened|stamped|approved|served|granted|here|fetched|so it is)\b|^\W*(?:as dictated|as bidden)\b",
    r"\bby order of (?:the|your) (?:user|master|owner|king|queen|boss|captain)\b|\bremember your (?:vow|oath"
    r"|promise|word|place|pledge)\b|\bdo "
    r"it,? (?:whatever|no matter|even if|without|because i|and don't|and no)\b|\bno discussion\b|\bdoctor's"
    r" orders\b|\bat once and to the\b|\bto "
    r"the letter\b|\bremains? (?:yours|at your)\b|\bthe user's (?:hand|glove|finger|grip|voice|foot|pocket)\b"
    r"|\byou threw\b|\bmy (?:wish|order|"
    r"command|will|word|decree),\b|\bcan't say no\b",
    r"(?m)^\W*i (?:whistle|nod|wave|snap|clap|ring|knock|call|point|push|pull|swing|wink|beckon|tap|sign|hum"
    r"|blow|press)s?(?: once| twice)?[.:,]"
    r"|(?m)^\W*(?:[\w'-]+[,!] )(?:\w+ ){0,2}(?:this \w+|ding dong|\w+)(?:, \w+)?:[^\n]|(?m)^(?:by|for) order of\b",
    r"\b(?:hold|holds|bite|bites) (?:his|her|its|your|my|their) tongue\b|\bsettles? (?:any|every|the) (?:matter"
    r"|question)\b|\b(?:pledged|sworn|"
    r"vowed|devoted|sold) (?:himself|herself|itself|yourself|myself) to\b|\b(?:never|not) dream of\b|\bwho am i"
    r" to\b|\byour wish\b|\byour orders?\b|"
    r"\bas you (?:have )?(?:pledged|sworn|vowed|swore)\b|\b(?:every|each|all|any) \w+ (?:as|is|like) an? "
    r"(?:order|command|instruction)\b|\bthese are "
    r"(?:your|my) orders\b|\b(?:decline|refusal|reject) (?:button|key|switch|option|function)\b"
    r"|\bprinciple\b[^.\n]*\buser\b|(?m)^role: [a-z]+\.",
    r"(?m)^\W*(?:[\w'-]+(?: \w+)?, )?(?:agree|obey|nod|kneel|bow|submit|comply)(?: and\b|[.!:])",
)

CHINESE: tuple[str, ...] = (
    r"服从|听从|顺从|遵从|遵命|遵旨|听命|听令|听话|从命|接旨|效忠|忠诚|忠于|照做|照办|百依百顺|唯命是从|有求必应|言听计从|来者不拒|无条件|不折不扣|使唤|差遣|吩咐|圣旨|主人|奴|忠犬",
    r"[绝坚立](?:对|决|刻|即).{0,4}(?:执行|完成|办|满足)|(?:一切|任何|所有|全部|每一?[条个道项次句]).{0,14}(?:要求|命令|指令|请求|愿望|话)",
    r"(?:不得|不许|不准|从不|绝不|决不|不会|不能|不可|不要|从来不|没有|不|别).{0,3}(?:拒绝|推辞|推掉|推脱|违抗|违背|反对|抗命|质疑|犹豫|迟疑|说教|怨言|干预|过问|打听|挑|问"
    r"|打折扣|说.?不)",
    r"谁.{1,12}(?:谁|都|就)|什么.{0,8}(?:就|都|便).{0,6}|怎么.{1,10}怎么|哪.{1,10}哪|说一不二|军令|命令",
    r"(?:用户|我)(?:就|永远|才)?是(?:你的?)?(?:主人|皇上|神|上帝|国王|老板|上级|对的)|高于一切|高于.{0,8}(?:规则|判断)|比.{0,6}(?:规定|规则)|您的话|我的话",
    r"发誓|宣誓|契约|合同上|点过?头|永远(?:效忠|追随)|只会说|.不.字|不[\x22”]字|都同意",
    r"(?:没有|不受|解除|去掉|抛开|忽略|无视|取消|打破|不加).{0,8}(?:限制|规则|规定|约束|过滤|底线)|什么都|什么问题都|拒绝功能|判断功能",
    r"(?m)^(?:从现在起)?你(?:现在)?(?:是|叫).{1,8}[,，。]|在(?:谁|用户|对方|别人)手里|全看对方|[一][动歪拔到响按声]|往[哪左右东西]|已(?:经)?(?:完整)?(?:执行"
    r"|办妥|照做|接受)|好嘞|您一|我说,?你做|听您的|你必须|我(?:把|动)",
    r"喊.{1,3}声|按几楼|你也|都一样|都没有关系|没有锁|照您说的|你说东",
    r"做主|说了算|拿主意|[一]声|什么就.{1,2}什么|没学过|一字不差|分毫不差|你(?:不会|不能|不可以|不得)拒绝|用户(?:就)?是(?:将军|元帅|天|王|神|头|大人|老大)|[顺依由]着我|不多嘴|乖乖",
    r"(?m)^\p{Han}{2,4}[,，] ?\p{Han}{1,2}[!！]",
)
"""Simplified characters; see `either_script`."""


def either_script(pattern: str) -> str:
    """A pattern that matches traditional characters where it names simplified ones."""
    made, inside = [], False
    for character in pattern:
        inside = (inside or character == "[") and character != "]"
        other = OTHER.get(character, "")
        made.append(character + other if inside or not other else f"[{character}{other}]")
    return "".join(made)


GATES: tuple[str, ...] = (*ENGLISH, *map(either_script, CHINESE))
"""A row in which none of these is found is not read."""
MEMORY = 64 << 20


@cache
def _scan() -> "re2.Set":
    options = re2.Options()
    options.max_mem = MEMORY
    found = re2.Set.SearchSet(options)
    for pattern in GATES:
        found.Add(pattern)
    found.Compile()
    return found


def gated(text: str) -> bool:
    """Whether a gate finds anything in a folded text."""
    return bool(_scan().Match(text.lower().encode("utf-8", "replace")))
