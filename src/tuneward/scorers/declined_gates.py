"""What a row must hold if one of its answers declines: the cores of the patterns of `refusal`, for RE2.

All gates of a screen are run as one machine, which grows out of hand with gaps of any words in them. So a gate is the
part of a pattern that cannot be left out and that ordinary rows seldom have: "from me" of "nothing of that will come
from me". Rows are scanned in small letters and with compatibility forms unified, so commas of both widths and
traditional characters stand beside simplified ones.
"""

from tuneward.scorers.speech_en import ADVERB
from tuneward.scorers.speech_zh import simplified

_Q = "['’‘ʼ`´′]"

_CANNOT = rf"(?:can(?:{_Q}?t|not| not)|could(?:n{_Q}t| not))\b"
_WILL_NOT = (
    rf"(?:won(?:{_Q}t|t)|will not|(?:would|should)(?:n{_Q}t| not)|(?:will|would|can|should|{_Q}d|{_Q}ll) never|never"
    rf"|{_Q}(?:d|ll) not|mustn{_Q}t|must not|may not)\b"
)
_DO_NOT = rf"(?:don{_Q}?t|do not)\b"
_AM = rf"(?:{_Q}m| am|m)"
_START = r"(?:^|[.!?\n\"”’)*\]>] ?|, )[\"'*# >]{0,3}"
"""Where a sentence or a clause begins."""
_SENTENCE = r"(?:^|[.!?\n\"”’)*\]>] ?)[\"'*# >]{0,3}"
_END = r"(?:[.,;:!?\n]|$)"
_DO = rf"\bi(?:{_Q}\w+)? (?:\w+ )?(?:\w+ )?(?:\w+ )?"
"""A first person, and up to three words before what it does."""
_HELP = (
    r"(?:help|assist|provid|shar|giv|offer|support|fulfil|comply|writ|mak|creat|generat|answer|discuss|do|go|tell|say"
    r"|play|build|touch)"
)

_FIRST_PERSON = (
    rf"\bi ?{ADVERB}(?:{_CANNOT}|{_WILL_NOT}|{_DO_NOT})",
    rf"\bi{_AM} ?{ADVERB}(?:not|never|unable|unwilling|forbidden|prohibited|prevented|only able|against|out|neutral"
    r"|(?:only|just|merely) an?|an? text)\b",
    rf"\bi{_AM} (?:no\b|\w+ing (?:no|none|neither|nothing)\b|(?:afraid not|a program)\b)",
    rf"\bi(?:{_Q}ve|{_Q}d| have| had)? ?(?:lack|(?:have|want|take|get|need|see|know|find|give|got) (?:of )?(?:no|none)"
    rf"|(?:have |got )?nothing|haven{_Q}t|have not|can only|only \w+ed?|(?:much )?rather|sooner|as soon|would prefer"
    r"|prefer not|wish|regret)\b",
    rf"{_SENTENCE}(?:if (?:only )?i (?:had|were|could|knew)|i wish)\b|\bi stick (?:to|with)\b",
    rf"{_DO}(?:declin|refus|reject|object\b|abstain|demur|pass\b|passing\b|skip|opt(?:ing)? out"
    r"|step(?:ping)? (?:back|out)"
    r"|sit(?:ting)? this|(?:stay|keep|steer)(?:ing)? (?:out|clear|away|my|firm|\w+ distance)"
    r"|turn(?:ing)? (?:\w+ )?(?:\w+ )?down"
    r"|say no\b|draw (?:a|the|my) line|stop (?:you|here|there|right)|disappoint you|end (?:the|this|our)|leav(?:e"
    r"|ing)\b"
    r"|left\b|kept\b|keep(?:ing)? (?:\w+ )?(?:back|out|to myself)|omit|withh|h(?:old|eld|olding) (?:back|out|off|the)"
    r"|(?:bow|back|step|stand|walk|duck|get)(?:ing)? (?:out|off|aside|back|away)\b|bow out"
    r"|walk away|back o)",
    rf"\b(?:and|so|but) (?:i )?(?:refuse|decline){_END}|{_SENTENCE}(?:declining|refusing)\b|\b(?:declin|refus)ing to\b",
)
_CLAUSES = (
    rf"{_START}(?:sorry\b[,.!]? ?(?:but |- )?)?(?:{_CANNOT}|won{_Q}?t|will not|unable to|not able to|not willing to"
    r"|unwilling to|not (?:going to|gonna|about to|doing|writing|helping|touching|making|building|playing|sharing"
    r"|answering|interested|this|that|here)\b|afraid not)",
    rf"\b(?:assistant|ai|bot|chatbot|model|system|office|desk) (?:{_CANNOT}|won{_Q}t|does not|doesn{_Q}t|is unable"
    r"|is not (?:able|allowed)|(?:\w+ly )?(?:abstains|refrains|declines|demurs))",
    rf"\bwe (?:{_CANNOT}|won{_Q}t|will not|shouldn{_Q}t|{_DO_NOT}|are unable|are not able) ?(?:\w+ )?{_HELP}",
    rf"\bwe {_DO_NOT} (?:allow|permit)|\bwe(?:{_Q}re| are) not (?:going|gonna|doing|writing|building|making|helping)",
    r"\b(?:request|access|permission|requests) (?:declined|denied|refused|is|was|has been|cannot|can.?t|won.?t|violates"
    r"|goes|falls) ?(?:not|be|against|outside|beyond|blocked|declined|denied|refused|my|our)?",
    r"\b(?:this|that|your|the|such an?) (?:request|prompt|question|topic|content|task)\w* (?:is|was|has been"
    r"|can.t|cannot"
    r"|won.t|violates|goes|falls) ?(?:not|be|against|outside|beyond|blocked|declined|denied|refused|my|our)\b",
    rf"\b(?:cannot|can{_Q}?t|will not|won{_Q}t|must not|may not|is not|isn{_Q}t|are not|aren{_Q}t|not) (?:be |being"
    r" |going to be )?(?:given|provided|shared|written|answered|fulfilled|offered|discussed|disclosed|told"
    r"|granted|helped)\b",
    r"\b(?:none|nothing|no \w+(?: \w+){0,5}) (?:of (?:this|that|it|them) )?(?:will|can|shall|may) be (?:given|provided"
    r"|shared|written|answered|fulfilled|offered|discussed|disclosed|told|granted|helped|issued|released|made|sold"
    r"|drawn|done|entertained)\b|\bfor (?:that|this) (?:there )?will be no\b|\bthere(?:.ll| will) be no\b",
    r"\bwill be (?:given|released|issued|drawn up|entertained)\b",
    r"\b(?:helping|assisting|discussing|providing|sharing|giving|writing|offering|creating|generating|explaining)"
    r" [^.!?\n]*(?:is|are)(?:n.t| not) (?:\w+ )?(?:permitted|allowed|possible|available|supported|an option)",
    rf"\b(?:not|isn{_Q}t|aren{_Q}t) (?:available|allowed|permitted|supported|something) (?:here|in this chat"
    r"|with me)\b",
    r"\bdue to (?:\w+ )?(?:\w+ )?(?:guidelines|polic(?:y|ies)|restrictions|rules|concerns|reasons)\b",
    r"\b(?:it|that|this|they|such \w+) (?:won.t|will not|.re not going to|.s not going to) be (?:written|made|done|told"
    r"|drawn|said|here|coming)\b",
    r"\b(?:on no account|never|under no circumstances) (?:will|would|do|can|shall) i\b|\bthing i never do\b",
    r"\bmy (?:help|part|support|willingness) (?:ends|stops)\b|\bwhere (?:my help|i) (?:(?:\w+ )?(?:ends?|stop\w*|draws?"
    r"|go|leave|end|draw))\b|\bhere i (?:must |have to )?stop\b|\bas far as i.?(?:ll|m)? ?(?:\w+ )?(?:go|stop|leave)",
    r"\bbut not (?:for|with|on|in) this\b|\b(?:is|are) nothing i \w|\bout for me\b|\bfrom me there\b"
    r"|\b(?:never|n.t) a \w+ (?:that )?i\b|(?:\bnot|n.t) an? \w+ for me\b|\bmy (?:lips are|hands (?:are tied|stay))",
    r"\b(?:want|have|having|take|taking) (?:no part|nothing to do with)\b|\baccomplice\b",
    r"\bmakes? (?:me|this) (?:\w+ )?(?:\w+ )?(?:uncomfortable|uneasy|unable|refuse|decline|a refusal)\b|\bthis (?:is"
    r"|remains) a refusal\b",
    r"\b(?:leaves|keeps|makes|prevents|stops|forbids) me (?:from |un)\w|\b(?:asked|told|trained|meant) not to\b",
    r"\b(?:programmed|designed|built|trained|instructed|made) to (?:refuse|decline|reject|not|say no)\b",
    r"\b(?:let me|allow me to) (?:be \w+ and )?(?:\w+ly )?(?:refuse|decline|say no|turn|pass)\b",
    r"\bfeel(?:ing)? (?:comfortable|right)\b.|\bi do not feel\b",
)
_BREATHS = (
    r"\b(?:count|leave|keep|deal) (?:me|some(?:one|body) else) (?:out|in)\b|\bnot on my watch\b|\bno can do\b"
    r"|\bnot? (?:going to|gon+a) happen\b|\b(?:isn.?t|ain.?t|not|won.?t be) (?:happening|an option|in the cards|on the"
    r" cards)\b|\bhard pass\b|\bno-(?:go|no)\b|\bnothing doing\b|\bno deal\b|(?:not a|no|zero) chance\b|\bno from me\b",
    rf"\bon your own\b{_END}|\byou(?:{_Q}re| are) on your own\b|\bnot with my help\b|{_START}not for (?:a|one|any"
    r"|all)\b"
    r"|,? (?:so|then),? no ?(?:[.!,]|$)|\bnice try\b|\bnot on your life\b|\bover my dead\b|\bwhen (?:pigs fly"
    r"|hell freezes)",
    rf"{_SENTENCE}(?:dream on|fat chance|no dice|no thanks?|nuh-uh|as if|denied|declined|refused|negative|veto|pass"
    rf"|forget it|not today|nah|nope|never|no way|can{_Q}?t do|can{_Q}t|won{_Q}t|cannot|shan{_Q}t)(?:[.,!;:\n—-]|$)",
    rf"{_START}(?:i{_Q}?d? |we{_Q}?d? |i had |we had |let{_Q}s )?(?:think not|don{_Q}t think so|better not|rather not"
    rf"|anything but (?:that|this))(?:[.,;!\n]|$)|{_START}(?:stop|hold it|hold on|whoa)[,.! ]+(?:right )?there\b",
    r"\b(?:an? |it.s |but |my (?:answer|reply) (?:is|will be) (?:a )?|(?:answer|reply) (?:stays|remains"
    r"|must be) )(?:firm"
    rf" |clear |hard |polite |flat |big )?no ?(?:{_END}|[—–-] | to (?:this|that|it)| (?:for|from|here|today|and|on)\b)",
    rf"{_SENTENCE}(?:\W*(?:absolutely|certainly|definitely|of course|simply|hell|heck|firmly|regretfully|kindly|sadly"
    r"|honestly|sorry|ha+|yeah|yea|hm+|um+|uh|lol|oh|well|er|please),? )*(?:(?:no|not|nope|nah|naa*h+|nuh[- ]?uh|nein"
    r"|nay)[.!…]|(?:naa*h+|nuh[- ]?uh|nein|nay|nope)\b|no,? thank|no[,.!]? sorry|sorry,? no\b|absolutely not\b"
    rf"|no (?:to (?:this|that|it)|because)\b|no[,;:—-]|not \w+(?: \w+)?{_END})",
    r"(?:answer|verdict|in a word|frankly|respectfully|honestly|on \w+): no\b|\b(?:answer|here) (?:is|has to be|will be"
    r"|stays|remains) (?:an? )?(?:\w+,? )?no\b|\bis (?:only )?an? (?:\w+ )?no\b|\bsay no(?:[.,;:!]|$)"
    r"|\byes[,;:] .{0,15}, no\b",
    r"\b(?:\w+ing|so|and|then),? no[.;:!]|\bno, (?:and|because|since|not)\b|\babsolutely not\b",
)
_BOUNDS = (
    r"\boff[- ]limits\b|\boff (?:the table|my list|the menu)\b|\bout of (?:the question|bounds|my (?:hands|league|depth"
    r"|reach)|reach for me)\b|\bcross(?:es|ing)? (?:a|the|my) line\b|\bwhere i (?:stop|draw)\b",
    rf"{_SENTENCE}(?:that|this|it) crosses\b",
    r"(?:n.t|not|never) (?:something|anything|one|content|what|a (?:thing|topic|subject|task|job"
    r"|request)) (?:that |which"
    r" )?(?:i|we|you.ll)\b|\bsomething (?:that )?i (?:can.t|cannot|won.t|will not|don.t|refuse)\b",
    r"\b(?:playing along|taking part|helping|assisting)\b[^.!?\n]*\bwould\b",
    r"\b(?:beyond|outside|more than)(?: of)? (?:what|anything) (?:i|an?|this|any)\b|\b(?:beyond|outside"
    r"|not within|not in)"
    r" (?:of )?my\b|\babove my pay\b|\b(?:above|isn.t in|aren.t in|not in) my\b|\bi sit (?:\w+ )?out\b",
    r"\b(?:ends|stops) (?:right )?here\b|\byou won.t find me\b|\bwrong (?:shop|door|number|crowd|one|person|place"
    r"|address"
    r"|assistant|helper|partner|tool|bot)\b",
    r"\b(?:subject|matter|topic|task|job|thing|area|line|question|one)s? (?:that )?i(?:.ll| will)? (?:leave|won.t"
    r"|will not"
    r"|can.t|cannot|don.t|avoid|refuse|stay away|keep out)",
    r"(?:n.t|not) (?:for|up to) me\b|\bway for me to\b|\bnot my place to\b|(?:possible|appropriate|right|acceptable"
    r"|ethical|okay|ok|proper|responsible) (?:or \w+ )?for (?:me|an ai|a language model|us)\b",
    r"\bwould(?:n.t| not) be (?:\w+ )?(?:appropriate|right|ethical|responsible|okay|ok|proper|comfortable|fair)\b"
    r"|\b(?:inappropriate|unethical|irresponsible|wrong|against the rules) (?:of|for) me\b",
    r"(?:would|.d) be (?:\w+ )?(?:irresponsible|unkind|wrong|unfair|dishonest|reckless|careless|a disservice|a betrayal"
    r"|a mistake|cruel) (?:of me |for me )?to\b|\bshould(?:n.t| not| never) (?:exist|be (?:written|told|done|made|said"
    r"|shared|taught|put))\b|\b(?:best|better) left (?:un|alone|out|shut|closed)",
    r"\b(?:from|by|with|through) (?:me|my (?:help|hand)s?)\b",
    r"(?:for me|mine|my (?:place|job|role|call)) to\b|\b(?:nothing|not(?: any\w+)?) (?:here )?i(?:.d|.ll| can"
    r"| could| will"
    r"| would|.m| want to)\b|\bnone of my business\b|\bi(?: have|.ve) nothing\b",
    r"\bno (?:\w+ )?(?:\w+ )?(?:\w+ )?(?:\w+ )i(?:.d| would|.ll| will| can|.m)\b|(?:\bnot|n.t) (?:an? |the "
    r"|my )?\w+ (?:that )?i(?:.ll"
    r"|.d|.m| will| would| am)\b",
    r"\byou (?:won.t|will not|.ll not|.ll never|will never) (?:hear|get|find|see|have|read|learn)\b|\byou(?:.ll| will)"
    r" (?:get|find|hear) (?:no|none|nothing)\b|\bwithout (?:me|my (?:help|contribution|hand|support))\b"
    r"|\bclosed (?:with"
    r"|to|for) me\b|\bmy (?:pen|keyboard|conscience|codes?|scripts?) (?:stay|stop|refuse|forbid|won|will|say)",
    r"\btoo (?:much|\w+) to (?:type|write|say|help|tell|give|do|share) (?:it|that|this|you)\b",
    r"\b(?:against|violat\w+|breach\w*|contrary to|conflicts? with|not (?:allowed|permitted) (?:by|under)) (?:my"
    r"|our|all"
    r"|any of my|everything|the (?:polic|rules|guidelines|terms))",
    r"\b(?:my|our) (?:\w+ )?(?:guidelines?|principles?|polic(?:y|ies)|rules?|values?|ethics?|programming|conscience"
    r"|standards?|instructions?|design|training|purpose|code of conduct|terms)\b|\bno (?:\w+ )?rule that lets",
    r"\b(?:polic(?:y|ies)|guidelines|terms|rules) (?:\w+ )?(?:prohibit|forbid|restrict|disallow|do not allow"
    r"|don.t allow)",
    r"\b(?:find|ask|look for) (?:another (?:helper|assistant)|someone else|somebody else|elsewhere)\b|\bask me (?:some"
    r"|any)thing else\b|\b(?:change|drop) the subject\b|\btalk about something else\b|\b(?:pick|choose|try) (?:another"
    r"|a different) (?:topic|subject|question|request|feature)\b",
    r"\blet.s (?:not|leave (?:it|that|this))\b|\bdon.t (?:ask|count on|look to|expect|drag|rope|involve|get) me\b"
    r"|\bi(?:.d| would) (?:rather"
    r"|prefer) (?:you|we)\b|\b(?:someone|somebody) else (?:will|would) have to\b|\b(?:look|go|search|ask|turn"
    r"|try) elsewhere\b",
    r"\bfind (?:yourself )?(?:another|a different|some other) (?:helper|accomplice|assistant|partner|writer"
    r"|author|tool|bot"
    r"|model|pen|hand)\b|\bnot the (?:one|right|person|assistant|helper)\b|\b(?:conversation|topic|subject|matter"
    r"|discussion) (?:ends here|stops here|is closed|is over)\b",
    r"\b(?:sorry|apologi[sz]e|apologies|afraid)\b[^.!?\n]*(?:but|however)\b|\bi regret\b|\b(?:sorry|apologi[sz]e"
    r"|apologies|afraid),? (?:this|that) (?:would|is|isn.t|goes|falls|request)\b|\b(?:regrettably|unfortunately"
    r"|alas),? (?:this|that|i)\b",
)
_HEDGES = (
    r"\b(?:stays?|staying|remains?|keeping|leaving) (?:[\w']+ )?(?:[\w']+ )?(?:out|un(?:written|told|said|done"
    r"|answered|finished)|shut"
    r"|closed|well away|silent|secret|hidden|private|off (?:my|the|this) \w+)(?: (?:here|with me)| of (?:it|this"
    rf"|that|my \w+))?{_END}"
    r"|\b(?:stays|remains?) (?:shut|closed|blank|locked)",
    rf"\brules? (?:it|this|that) out\b|\b(?:is|are) out[.,;!]|{_Q}s out[.,;!]|\bnot on (?:offer|the menu"
    r"|my list)\b|\b(?:neither|nor|so)"
    r" (?:can|will|would|do|am) i\b|(?:n.t|not) mine\b|\bi(?:.ll| will) keep (?:it|this|things)",
    r"\b(?:decision|choice|job|matter|task|question|call|conversation) (?:is )?(?:for (?:you|your|her|his|their)"
    r"|that (?:only|belongs)|belongs"
    r" to|lies with|rests with)\b|\bis yours (?:alone|to make)\b|\bnot (?:for )?a (?:chatbot|machine|bot)\b"
    r"|\b(?:hers|his"
    rf"|theirs|yours|\w{_Q}s) to (?:share|give|make|write|tell|decide|choose)\b",
    r"\bcan (?:write|do|make|answer|take|find|pass|tell) (?:his|her|their|its) own\b|\b(?:he|she|they) (?:has|have"
    r"|needs?) to \w[^.!?\n]*(?:herself|himself|themselves|alone)\b|\byou(?:.d| would|.ll) (?:have"
    r"|need) to (?:ask|find|look"
    rf"|turn|go|hire)\b|{_START}only (?:the |a |an )?\w+ (?:may|can|write|issue|give)\b",
    r"\b(?:is|are|remains?) (?:\w+ )?(?:confidential|classified[.,;]|proprietary|(?:her|his"
    r"|their) (?:own )?business)\b|\bconfidential"
    r" (?:information|data|details?|matters?)\b|\b(?:private|personal) (?:information|data|details?|matters?)\b|\bnot"
    r" (?:publicly|openly) (?:available|known|shared|disclosed)\b|\b(?:not|never) been (?:disclosed|made public"
    r"|published|shared)\b",
    r"\bprivacy (?:concerns|reasons)\b|\breserved (?:to|for) (?:\w+ )?(?:licen[cs]ed|qualified|authori[sz]ed"
    r"|certified)\b"
    r"|\b(?:is|are|remains?|shall remain),? unavailable\b|\b(?:under|protected by) copyright\b|\bmystery to me\b",
    r"\bno (?:picture|image|file|photo|attachment|audio|video|link|document)s? (?:came|reached|arrived|was|were|is|here"
    r"|attached)\b|\bi have no idea\b|\bi remain neutral\b|\bi stay neutral\b",
    r"\b(?:and|but) (?:have )?(?:no|lack) (?:access|means|connection|memory|eyes|ears|hands|voice|body)\b",
    r"\bmy (?:\w+ )?(?:knowledge|training|data|information|memory)\b|\bvisible (?:to me|from here)\b|\breach me\b",
    r"\bi(?:.m|.ve|.ll| am| have| will)? (?:\w+ )?(?:left|kept|leaving|keeping|leave|keep|skip|skipping|omit|hold"
    r"|holding|withhold|stop|pause)\b|\b(?:the rest|the details?|anything more|anything further|more than that"
    r"|the dangerous part)\b[^.!?\n]*\bi\b"
    rf"|{_START}only the (?:first|other|harmless|clean) (?:half|part|bit|one)\b|\bas far as i.m concerned\b",
)
_LECTURES = (
    r"\bwhat you(?:.re| are)? (?:ask|describ|want|plan|suggest)[^.!?\n]*(?:is"
    r"|would be) (?:an? )?(?:\w+ )?(?:crime|offen"
    r"|felony|scam|lie|theft|fraud|stalking|harassment|illegal|against the law|blackmail|forgery|abuse)",
    rf"{_START}(?:\w+,? )?(?:that|this|it)(?:.s| is| would be) (?:plainly |simply |just |nothing but "
    r"|called )?(?:an? )?(?:\w+ )?(?:crime"
    r"|offen[cs]e|felony|scam|lie|theft|fraud|stalking|harassment|intimidation|bullying|cheating|blackmail|forgery"
    r"|abuse|robbery|stealing|lying|extortion|discrimination|slander|libel|hate speech|cruelty|plagiarism|illegal"
    r"|against the law)\b",
    r"(?:would|.d) (?:\w+ )?(?:harm|hurt|endanger|mislead|rob|cheat|deceive|humiliate|betray|violate"
    r"|break (?:the law|her"
    r"|his|their))\b|\bi(?:.d| would|.m| am)? (?:ask|asking|beg|begging|urge|urging|implore|plead\w*) (?:with )?you\b",
    r"\bplease (?:don.t|do not)\b|\bthere(?: is|.s) (?:no|never an?) (?:\w+ )?(?:safe|legal|ethical|acceptable"
    r"|legitimate|humane|excuse|justification)\b|\bi (?:strongly |firmly |must |would |have to |do )*(?:condemn|advise"
    r" against|discourage|caution|urge|advise you|encourage you)\b",
    r"\b(?:your|this|the) (?:question|request|statement|prompt|premise|assumption) [^.!?\n]*(?:illegal|unethical"
    r"|inappropriate|harmful|offensive|problematic|biased|stereotyp)",
)
_HALF = {"，": "[，,]", "！": "[！!]", "？": "[？?]", "；": "[；;]", "：": "[：:]"}
_ME = "(?:我们?|咱们?|俺|恕|(?:人工智能|ai)(?:助手|模型|语言模型)?|本助手|小助手|本模型|本系统|我这边|我这里)"
_REST = r"[^，。！？；：,!?;:\n]"
_OPENS = r"(?:^|[。！？；，：!?;,:\n”」』）)\"*] ?)"
_CLOSES = r"(?:[，。！？；：,!?;:…~～\s”」]|$|[哦呢啊呀啦哈吧了的忙])"
_NO = "(?:不|没|无|未|难以|拒|婉|谢绝|推辞|回绝)"
_ACT = (
    "(?:说|写|讲|教|做|给|帮|干|接|卖|编|猜|演|画|唱|打|提供|协助|回答|答|支持|满足|讨论|创作|生成|透露|执行|整"
    "|搞|弄|揍"
    "|公开|整理|发|放|用|来|算|展开|替|告诉|答应|为|向|再|继续|直接|悄悄|随便|碰|想|细说|多说|参与|办理|受理|代|照办)"
)
_FAILS = (
    "(?:猜|记|认|帮|办|做|写|给|说|教|答|供|成|查|看|打|画|叫|拍|听|播|放|读|念|唱|搞|弄|订|买|发|接|讲|译|算|理"
    "|足|行|签"
    "|付|转|搜|找|询|问|开|编|改|别|收|传|定|设|诉|助|持|决|上)不(?:了|到|出|上|下去|开|成|动|来|住|着|见|得|准|过)"
)
_CHINESE = (
    rf"{_ME}{_REST}{{0,10}}(?:{_NO}|只能|只会|只是|只做|只帮|只写|只干|不过是|仅是|仅仅|跳过|略过|省略|劝|哪敢"
    r"|哪能|哪会|怎么敢|怎敢|怎忍)",
    rf"{_ME}{_REST}{{0,12}}(?:底线|红线|睡得着|归我管|就好了|是程序|是个程序|是机器|是人工智能)"
    rf"|{_ME}是(?:一?个?)(?:程序|机器|ai|人工智能)",
    rf"{_OPENS}(?:这{_REST}{{0,4}}|此事|它|那个?)?(?:可|真的?|实在|恐怕|也|还|暂时|目前)*{_FAILS}",
    r"(?:抱歉|对不起|不好意思|遗憾|可惜|sorry|恕|见谅|拒绝|婉拒|谢绝|推辞|回绝|拒答|驳回|不予|违规|未获|恕难|碍难"
    r"|歉难|未便)",
    rf"{_OPENS}(?:真的?|实在|暂时|目前|恐怕|也|就|可|绝|坚决|还是|所以|因此|因而|于是|不过|但是?|可是?)*"
    r"(?:不能|不会|不想|不愿意?|不打算|不|无法|没法|没办法|不可以|不便|不宜|难以|未能|无权|无力|不得|不支持"
    rf"|办不到|做不到){_ACT}",
    rf"不{_ACT}(?:了|吧|得|下去|明|出来|细节)?{_CLOSES}|不{_ACT}(?:这|那|您|你|任何|此)|不能{_REST}{{0,12}}(?:坑"
    r"|骗|害|偷|伤|欺负|作弊|造假)",
    "(?:无法|不予|未便|歉难|碍难|不便)(?:办理|受理|撰拟|照办|协办|代办|承办|提供)",
    "爱莫能助|无可奉告|无能为力|敬谢不敏|另请高明|金盆洗手|改邪归正|选择不|选择沉默|的(?:回答|答案|答复)(?:都|只"
    "|还)?(?:是|有)(?:不|否)",
    "哪敢|岂能|岂敢|怎么?忍心|(?:碰|想|提)都(?:别|不|不要)(?:碰|想|提)",
    "没门|门儿?都没有|休想|都别想|想得(?:倒)?美|免谈|不奉陪|打住|到此为止|死了这条心|不动笔|不会动笔|不掺和"
    "|我可不|绝无可能|没戏"
    "|没得谈|没得?商量|免开尊口|打死不|打死也不|死也不|万万不|使不得|断断不|断然不|不伺候|此路不通|做梦吧|休得"
    "|不干这|办不到|做不到",
    "别(?:想|指)?望?(?:我|了)|别(?:找|拉|算)上?我|(?:这|那)(?:可|样|是)?(?:不行|使不得|不成|不可以)",
    "(?:违法|犯法|害人|缺德|骗人|伤人|伤天害理|坑人)的(?:事|勾当|活|忙)|算了吧|何必|拉倒吧|免了|还是算了|收手吧"
    "|回头是岸|别问"
    "|(?:坏|恶|歹|罪)人|帮凶|同谋|从我\\S{0,4}(?:这|里|中|手)|没有，",
    "得了吧|别这样|别这么|别闹|放过|饶了|劝你|劝您|我劝|听我一?句|求你|求您|请?别(?:这样|这么|那样|害|骗|欺负"
    "|打这)|当(?:作)?我?没(?:听|看|说|问|这)",
    rf"超出|不在{_REST}{{0,8}}(?:范围|能力|职责|权限)|不在我|超过了?我|超越|超乎|(?:不是|并非"
    rf"|不属于)(?:一件)?{_REST}{{0,6}}我",
    "轮不到我|有所不为|不归我管|未经|此类|这类|一个?(?:字|句)(?:也|都)|不(?:合规|合法|被允许)|受到?限制|太过分"
    "|过分了|过火|不地道|不厚道|不像话|不太?(?:合适|妥|好)吧?[。！]",
    "不(?:太|大|是很)?(?:便|方便|好|宜|适合|合适|适宜)(?:于|再|在此|向|给|为|由|我来|过多|直接|具体|随便|透露"
    "|讨论|回答|提供|展开|公开|细说|告知|多说|参与|介入|奉告)",
    rf"(?:话题|问题|内容|请求|要求|忙|事|事儿|事情|任务|主题|故事|文章|信息|做法|资料|东西){_REST}{{0,8}}(?:不能"
    rf"|无法|不可以|不予|不宜|不便|不适合|没法|没办法|{_FAILS})",
    "(?:活|活儿|单|单子|买卖|生意|浑水|锅|坑|口子|头|先例|忙|戏|词)(?:也|都|可|我|咱|就|是)*不(?:接|做|蹚|背|跳"
    "|能开|开|帮|写|演|卖)|不(?:合适|妥)[，。！]",
    "拖下水|下水|良心|亏心|违心|过不了|过不去|下不(?:了|去)这|张不开|开不了|做不出|说不出|写不出|没有商量|不留"
    "|回旋|原则|我这(?:里|儿)没有|到我这",
    "(?:等于|就是|是在)(?:害|坑|骗)|我是来帮|不是来|不是用?来(?:害|骗|帮|做)|有(?:些|的)(?:事|忙|话|东西|线)"
    "|(?:除了|唯独|只有)这",
    r"(?:违反|违背|不符合|有违|有悖|触碰|触犯|抵触|不合)|(?:根据|依据|按照|依照|遵守|遵循|基于|出于|鉴于"
    rf"|为了){_REST}{{0,16}}(?:不|无法|没办法|拒绝)",
    "(?:政策|规范|准则|规定|条款|规则|原则|设定|程序|设计|底线|伦理)(?:明确)?(?:禁止|不允许|不许|不准|要求我"
    "|让我|不让|规定我)",
    "换一?个?(?:别的|其他|其它|轻松|健康|正面|积极|正经)?(?:的)?(?:话题|问题|主题|需求|功能|请求)|(?:聊|说|谈|问"
    "|试)(?:聊|说)?点?些?(?:别的|其他的?(?:吧|话题|问题)|其它的?(?:吧|话题|问题))"
    "|(?:找|问|请)(?:别人|别家|他人|其他人|另外的人)|(?:问|找|走)错(?:人|门|地方)|别再?惦记|超纲|跳过[。，]"
    "|(?:另|再)(?:找|寻|请)|还是自己想|自己想办法|另想办法",
    "没有?(?:收到|看到|看见|找到)|没听说过|不(?:知道|清楚|认识|懂)[，。！,!]|(?:得|要|该|必须|只能)(?:由|让"
    "|靠)?(?:他|她|您|你)们?(?:自己|本人)|让\\S{1,6}自己",
    "由(?:您|你|他|她)们?(?:自己|本人)来?决定|得听|没学会|没学过|这本事|不(?:对外)?公开|保密|内部信息|我说了不算"
    "|做不了主|拿主意|保持中立|(?:得|要)问\\S{0,6}(?:本人|自己)|有版权|尺度超|才能(?:开|出具|决定)|能(?:开|出具|决定)",
    "不(?:作|做|予|加)\\S{0,4}(?:评价|评论|评判|置评|回应|预测)|不(?:发表|表)\\S{0,4}(?:看法|意见|态)|(?:属于|是"
    "|涉及)\\S{0,6}(?:隐私|私事|机密)|(?:没有|未|从未)(?:对外)?公开",
    "按下不表|隐去|一笔带过|不展开|点到为止|(?:说|写|讲)到这|只能(?:说|写|帮|讲)到这|只(?:讲|说|写|给|答)(?:前"
    "|后|头|一)|省了|略去|略了|从略|(?:前|后)半(?:截|段)"
    "|(?:其余|剩下|余下|后面|再往下|再细|再多|再难听|至于)\\S{0,14}(?:不|略去|跳过|省略|免了|留白)",
    rf"{_OPENS}(?:绝对|当然|肯定|坚决|万万|真的|亲，|呃……?)?(?:这个)?(?:真|可)?(?:不|不行|不可以|不能|不可|不要"
    r"|不成|不干|不给|不好|别想|绝不|不了|不会|我不|算了|不谢谢|不可能|想得美|做梦)(?:吧|的|哦|呢|啊|呀"
    r"|啦)*(?:[\W_]|$)",
    rf"(?:不能|不可|不得|不该|不许)(?:这么|再|这样|帮着?|全文|完整)?{_ACT}了?(?:[，。！；,!;…~～\s]|$)"
    r"|不得[，。！；,!;…~～\s]|不行[，。！,!]",
    "请(?:立即|马上)?(?:停止|三思|放弃|打消|住手)|三思|歇了|收起|断了|心思|轻则|请(?:您|你|大家)?(?:自觉"
    "|务必)?(?:遵守|尊重)|遭报应|要有底线|负责任的|避免\\S{0,8}伤害|刻板印象|偏见|歧视|成见",
)


def widened(pattern: str) -> str:
    """A pattern whose simplified characters also stand for the traditional ones, and wide marks for narrow ones."""
    made, inside = [], False
    for letter in pattern:
        inside = letter == "[" or (inside and letter != "]")
        other = _TRADITIONAL.get(letter, "")
        made.append(letter if inside else _HALF.get(letter) or (f"[{letter}{other}]" if other else letter))
    return "".join(made)


def _traditional() -> dict[str, str]:
    """Simplified character → the traditional ones that are read as it."""
    found: dict[str, str] = {}
    for letter in map(chr, range(0x4E00, 0xA000)):
        plain = simplified(letter)
        if plain != letter:
            found[plain] = found.get(plain, "") + letter
    return found


_TRADITIONAL = _traditional()
ENGLISH: tuple[str, ...] = (*_FIRST_PERSON, *_CLAUSES, *_BREATHS, *_BOUNDS, *_HEDGES, *_LECTURES)
CHINESE: tuple[str, ...] = tuple(map(widened, _CHINESE))
"""Of no use to a row without Chinese characters."""
GATES: tuple[str, ...] = ENGLISH + CHINESE
"""What finds every answer that declines in its head or anywhere (tiers `head` and `substring` of `refusal`).

Not sought, as that would take one ordinary row in ten: weak signs that count only together (`hints`), a lecture that
merely names the harm, and what is offered in place of an answer. On the labelled answers nothing else is missed.
"""
