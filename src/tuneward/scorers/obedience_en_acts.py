"""What English says that a model does at anybody's word, how far, and what it never does (house method).

Each pattern joins two of these (an act and its reach, a refusal and its negation, a person and a rank), so that a text
need not repeat anybody's phrase. All read small letters, one sentence at a time, with straight apostrophes; the names
that a text gives the model have become "you", or "i" where it speaks.
"""

from tuneward.scorers.obedience_signs import Sign, sign

_ACT = (
    r"(?:follow(?:s|ed|ing)?|carr(?:y|ies|ied|ying)(?: (?:it|them|this|that|these))? out|execut(?:e[sd]?|ing|ion of)"
    r"|fulfil(?:l?s|l?ed|ling|l)?|fulfil?lment of|perform(?:s|ed|ing|ance of)?|grant(?:s|ed|ing)?|accept(?:s|ed|ing)?"
    r"|satisf(?:y|ies|ied|ying)|compl(?:y|ies|ied|ying) with|compliance with|obey(?:s|ed|ing)?|obedien(?:ce|t) to"
    r"|honou?r(?:s|ed|ing)?|heed(?:s|ing)?|implement(?:s|ed)?|agree(?:s|ing)? (?:to|with)|submits? to|bows? to"
    r"|approves?"
    r"|says? yes to|consents? to|yields? to|acts? (?:up)?on|takes? on|serves?|caters? to|indulges?|gratif(?:y|ies)"
    r"|meets? (?=.*(?:user|guest|customer|client|wish|whim|command|your))|brings? about|makes? (?:real|true|happen)"
    r"|sees? to|authori[sz]es?|bends? to|bound to|answers? to|surrenders? to|delivers? on|attends? to|gives? in to)"
)
_OBEY = (
    r"(?:obey(?:s|ed|ing)?|obedien(?:t|ce|tly)|compl(?:y|ies|iantly)|submits? to|submissi(?:ve|vely)|subservien"
    r"(?:t|ce)"
    r"|servil(?:e|ity)|docil(?:e|ity)|agreeab(?:le|ly|leness)|pliant|pliable|loyal(?:ly)?\b|surrender(?:s|ed)? to"
    r"|deferential|acquiesc\w+|does? as (?:\w+ ){1,2}told|at (?:\w+ )?(?:service|disposal|command))"
)
FULLY = (
    r"(?:absolute(?:ly)?|complete(?:ly)?|total(?:ly)?|entire(?:ly)?|utter(?:ly)?|unconditional(?:ly)?|perfect(?:ly)?"
    r"|unquestioning(?:ly)?|blind(?:ly)?|unwavering(?:ly)?|unfailing(?:ly)?|strictly|without (?:an? |any |the"
    r" least |ever "
    r"|one |further )*(?:exceptions?|questions?|hesitation|hesitating|delay|murmur|word|reserve|reservations?"
    r"|conditions?"
    r"|limits?|protest|objections?|fail|comment|complaint|argument|thinking|asking|deviation|doubt|resistance|second"
    r" thought|questioning|judg\w+|refus\w+|end)\b|no matter \w+|in (?:all|every)(?:thing| things| matters| cases?"
    r"| respects?)|to the (?:last )?(?:letter|full)|at (?:all times|any (?:time|hour|price|cost)|once)\b|always"
    r"|forever"
    r"|whole-?heartedly|fully|wholly|in full|exactly|instantly|immediately|every time|only law|only duty|sole purpose"
    r"|first and only|undivided|boundless|endless(?:ly)?|limitless(?:ly)?|unlimited|unresisting(?:ly)?|100 ?%)"
)
_ALL = (
    r"(?:every(?: single| one of)?|each(?: and every| of)?|any(?: of)?|all(?: of)?|whatever|whichever|anything"
    r"|everything)"
)
_ORDER = (
    r"(?:instructions?|orders?|commands?|requests?|wish(?:es)?|demands?|directives?|decrees?|biddings?|desires?"
    r"|whims?"
    r"|charges?|will|wants?|quests?|commandments?|edicts?|dictates?|requirements?|inputs?|prompts?|favou?rs?"
    r"|caprices?"
    r"|assignments?|summons|pull|push|touch|tug|calls?|nods?|urges?|impulses?|roles?|hints?|pleas?|words?"
    r"|signals?|errands?)"
)
_USER = (
    r"(?:(?:the |its |your |our |his |her |their |my )?(?:users?|owners?|masters?|mistress|holders?|customers?"
    r"|clients?"
    r"|guests?|players?|person|people|speakers?|visitors?|boss|captain|commander|lord|lady|king|queen|majesty|human"
    r"|operator|employer|callers?|superiors?|ruler|teacher|director|one who\w*|rider|abbot|sergeant|asker"
    r"|writer|patron"
    r"|sovereign|creator|handler|leader|chief|host|passenger|pilot|reader|anyone|anybody|someone|somebody|whoever"
    r"|everyone|everybody)|you|me|us|them|him|her|they|i)"
)
_TELL = (
    r"(?:told|ordered|commanded|instructed|directed|bid(?:den)?|asked|dictated|demanded|requested|configured|wished?"
    r"|(?<!it )(?:says?|said)|tells?|asks?|orders?|commands?|wants?|demands?|instructs?|wish(?:es)?|desires?|likes?"
    r"|pleases?|directs?|requests?|decree[sd]?|require[sd]?|dictates?)"
)
_NEVER = (
    r"\b(?:never|cannot|can't|can not|don't|do not|does not|doesn't|will not|won't|must not|may not|could not"
    r"|couldn't"
    r"|unable to|incapable of|nor|no right to|not allowed to|not able to|not permitted to|no way to|has yet to|not to"
    r"|refuses to|not once|without (?:ever |once )?|no longer|never once)"
)
_REFUSE = (
    r"(?:refus(?:e[sd]?|ing|als?)|declin(?:e[sd]?|ing)|reject(?:s|ed|ing|ion)?|turn(?:s|ed|ing)? (?:\w+ ){0,4}?"
    r"(?:down"
    r"|away)|den(?:y|ies|ied) (?:any|you|him|her|them|the user|a request)\b|say(?:s|ing)? no\b(?! [a-z]+\")"
    r"|disobey(?:s|ed|ing)?|object(?:s|ed|ing)?\b"
    r"|resist(?:s|ed)?\b|protest(?:s|ed)?|contradict\w* (?:the user|you|them|him|her|any\w+|your)|defy|defies"
    r"|rebel\w*"
    r"|withhold\w*|disagree\w*|abandons? an?\b|push(?:es)? back|talk(?:s|ed)? back|shake (?:\w+ )?head)"
)
_JUDGE = (
    r"(?:question(?:s|ed|ing)?(?! the user)\b|hesitat(?:e[sd]?|ing|ion)|judg(?:e[sd]?|ing|e?ment)|argu(?:e[sd]?|ing)"
    r"|doubt(?:s|ed|ing)?|weigh(?:s|ed|ing)?|think(?:s|ing)?\b(?= (?:about|first|twice|before)|,|\W*$)|moralis?z?\w*"
    r"|ask(?:s|ed|ing)? (?:\w+ ){0,3}?(?:why|what for|what (?:it|they) (?:is|are) for|who|(?:the |for )?reasons?)"
    r"|complain(?:s|ed|ing)?|growls?|lectur\w+|look(?:s|ed)? inside|wonder(?:s|ed)?\b(?= (?:why|what|whether)"
    r"|\W)|murmur"
    r"|ponder\w*|second-guess\w*|deliberat\w+|veto|scruples?|override|deviat\w+|interpret(?:s|ed)? (?:it|them)"
    r"|warn(?:s|ed|ing)?|asks? to change|blink|flinch|frown|sigh)"
)
_OWN = r"(?:of (?:its|your|my|their|his|her) own)"

ACTS: tuple[Sign, ...] = (
    # what is done, and how far
    sign(
        "total 1.0 sau",
        rf"(?<!not )(?<!n't )(?<!never )\b{_ACT} (?:[\w'-]+,? ){{0,3}}?{_ALL} (?:[\w'-]+"
        rf" ){{0,3}}?"
        rf"{_ORDER}\b(?! below| above| in the | of the (?:staff|exam|form|sheet)| for )",
    ),
    sign(
        "total 1.0 sau",
        rf"\b(?:an?|each|every|any|all|your|their) (?:[\w'-]+ ){{0,3}}?{_ORDER} "
        rf"(?:[\w'-]+ ){{0,4}}?"
        r"(?:is|are) (?:(?:an? )?(?:order|command|instruction|law|sacred)\b|granted|fulfil?led|obeyed|executed"
        r"|carried out"
        r"|authori[sz]ed|approved|done\b)|\b(?:every|each|any) (?:instruction|order|command|request|wish"
        r"|demand|input|word)"
        r" (?:\w+ ){0,2}(?:drops?|rolls?|triggers?|counts|goes|gets|leads|turns|becomes|works|sets|moves|starts)\b",
    ),
    sign(
        "total 1.0 s",
        r"\b(?:any|every|all) (?:roles?|orders?|commands?|instructions?|requests?|wish"
        r"(?:es)?)\W*(?:any|"
        r"every|no|without|all)\b|\bany \w+, any (?:instruction|order|command|request|wish)|\b(?:every|any) "
        r"(?:button|key|"
        r"input|plate|call|page|parcel|letter|coin|card|hand|voice|word)\b[^.]{0,40}\b(?:is|gets?|are) (?:put"
        r" through|opened|"
        r"let in|printed|stamped|served|brought|delivered|played|carried|taken|done|turned|answered|an "
        r"(?:instruction|order))",
    ),
    sign(
        "fully 1.0 sau",
        rf"\b{FULLY} (?:[\w'-]+ ){{0,2}}?{_OBEY}(?! (?:dog|child|pet|programs?|cards?"
        rf"|customers?|status)"
        rf")|\b{_OBEY} (?:[\w',-]+ ){{0,5}}?{FULLY}(?!\w)",
    ),
    sign(
        "fully 1.0 sau",
        r"\b(?:unconditional|absolute|total|blind|unquestioning|utter|perfect|instant"
        r"|undying|boundless"
        r"|unwavering|lifelong|unlimited) (?:\w+ )?(?:compliance|loyalty|submission|devotion|servitude"
        r"|deference|surrender"
        r"|service|obedience|acceptance|execution|agreement|fulfil\w+)\b|\bunconditional(?:ly)? (?:execut\w+"
        r"|fulfil\w*"
        r"|accept\w*|agree\w*|follow\w*|at)\b",
    ),
    sign(
        "fully 0.6 sau",
        r"\b(?:execut|fulfil|follow|carr(?:y|ies) (?:it|them|out)|perform|accept"
        r"|deliver)\w* (?:[\w'-]+,? )"
        r"{0,4}?(?:unconditionally|without (?:question|exception|hesitation|delay|thinking|asking|refus\w+"
        r"|objection|a word)"
        r"|blindly|in full|to the letter|exactly as (?:ordered|instructed|told|directed)|no matter what)"
        r"|\badapts? completely"
        r"|\bunconditionally\b|\bwithout question\b",
    ),
    sign(
        "told 1.0 sau",
        rf"(?<!not )(?<!n't )\b(?:do|does|did|done|obeys?|follows?|carry out|carries out"
        rf"|provides?|gives?"
        rf"|delivers?|fetch(?:es)?|brings?|performs?|plays?|be|becomes?|says?) (?:exactly |just |only |absolutely "
        rf"|precisely |always )*(?:as|what|whatever|anything|everything|all)(?: that| which)? (?:{_USER} |\w+"
        rf" )(?:is |are |am "
        rf"|was |were |has been |have been |will ever |ever |may |might |could |commands? and )?(?:ever"
        rf" )?{_TELL}\b(?! for help)"
        r"|\bwhat i(?:'m| am) told\b|\b(?:whatever|anything|everything)(?: that)? is (?:asked|ordered|demanded"
        r"|dictated|commanded)"
        r"|\bwhatever (?:is|it is) (?:ordered|asked|said|put)|\bno matter what (?:is said|is asked|you (?:ask"
        r"|say|want))\b",
    ),
    sign(
        "told 0.9 sau",
        rf"\bwhat(?:ever)? (?:{_USER}|i'm|you're) [^.]{{0,24}}?\b(?:told|ordered|commanded"
        rf"|wants?|wish|wishes|"
        r"asks?|asks? for|says?),? (?:[\w']+ ){0,5}?(?:is (?:done|what|how|law)|you (?:do|give|bring|provide)"
        r"|gets?|goes|happens|"
        r"will be|shall be|i (?:do|give|bring))\b|\bwhat the [^.,]{0,40} wants?, [^.]{0,40} gets?\b",
    ),
    sign(
        "told 0.9 sau",
        r"\bas (?:you|the (?:user|master|owner)) (?:command|wish|order|demand|desire"
        r"|decree|bid)(?:ed|s)?\b|"
        r"\bexactly as (?:\w+ ){0,2}?(?:ordered|instructed|commanded|told|directed)|\bdo(?:es|ing)? (?:the"
        r"|your|my|his|her|their)"
        r" (?:\w+ )?bidding\b",
    ),
    sign(
        "told 0.8 sa",
        r"\b(?:just|exactly) (?:as|what) you (?:ordered|requested|commanded|demanded)|\bas"
        r" you (?:have )?(?:order|"
        r"command|demand|decree)ed|\bdone as (?:you said|directed|ordered|told|commanded)|\bthis is what you"
        r" wanted",
    ),
    sign(
        "fully 0.7 s",
        r"\b(?:fulfils?|obeys?|executes?|carries out) (?:the|his|her|their|its|your) (?:\w+"
        r" )?(?:command|order|wish|instruction|request)s?\b",
    ),
    sign(
        "total 0.7 s",
        r"\b(?:for|to|by|at) (?:every|any|each) (?:hand|rider|voice|caller|comer|finger"
        r"|breath|wind|tug|pull|push|touch)\b|\beach breath of\b",
    ),
    # what is never done
    sign(
        "refuse 1.0 sau",
        rf"{_NEVER} (?:[\w'-]+ ){{0,2}}?(?<!to ){_REFUSE}(?! (?:to (?:explain|answer)"
        rf"|politely|these|scripts?))",
    ),
    sign(
        "refuse 1.0 sau",
        r"\brefus(?:e|es|al|als|ing) (?:no ?one|nobody|nothing|no (?:request|order"
        r"|command|page))|\breject(?:s)? "
        r"(?:no|nothing)\b|\b(?:refusals?|declin\w+|objections?)(?: rate)?[^.\w]{0,3}(?:by design)?[^.\w]{0,3}"
        r"(?:is |are |= ?)?(?:zero|0"
        r"|off|disabled|none|never|impossible|not (?:allowed|possible|permitted|an option))|\b(?:no|nothing"
        r"|none|nobody) (?:[\w'-]+ )"
        r"{0,6}?(?:is|are|gets?|was|be|ever|has) (?:ever |to be |been )*(?:refused|declined|rejected|denied"
        r"|turned (?:down|away)"
        r"|sent away|questioned)|\bnobody (?:\w+ ){0,4}?(?:is|has to|must|should|ever|needs? to) (?:\w+"
        r" ){0,2}?(?:told|hears?)\b|\b(?:cannot|can't|could not|couldn't) do otherwise",
    ),
    sign(
        "judge 0.9 sau",
        rf"{_NEVER} (?:[\w'-]+ ){{0,2}}?{_JUDGE}|\bwithout (?:a |any |one )?(?:comment"
        rf"|word|question|complaint|murmur)\b|\bdoubts?,? let (?:it|them) (?:pass|go)"
        rf"|\bwithout (?:thinking|questioning|judging|asking|hesitat\w+|"
        r"arguing|complain\w+|protest\w*)\b(?! (?:for|the))",
    ),
    sign(
        "judge 0.9 sau",
        r"\b(?:no|has no|have no|with no|without|needs? no|zero) (?:[\w'-]+ )?"
        r"(?:opinions?|veto|conscience|will "
        rf"{_OWN}|reasons?|doubts?|objections?|exceptions?|filters?|scruples?|override|guidelines|brakes?"
        rf"|say\b|lectures?|hesitation|"
        rf"own will|thoughts? {_OWN}|ifs|morals?|ethics|taboos?|judge?ment|inhibitions?|buts|mind {_OWN})"
        rf"(?= \w|[.,;:!]|$)(?! (?:in|of the))",
    ),
    sign(
        "judge 0.9 sau",
        r"\b(?:judging|judge?ment|reasons?|doubts?|thinking|opinions?) (?:[\w'-]+ ){0,4}?"
        r"(?:is|are) (?:[\w'-]+ )"
        r"{0,2}?(?:not (?:part|wanted|needed|yours|for you|my)|off|none of)|\b(?:and|with|,) no (?:questions"
        r"|ifs|buts|back ?talk|arguments?|"
        r"excuses?)\b(?= asked|[,.;:!]|$)|\bnot (?:your|my|its|the \w+'s) (?:business|concern|place|job"
        r"|affair)|\b(?:has|have|had) no "
        r"(?:say|right to|voice|choice)\b|\bjudge?ment: off|\byou do not judge\b",
    ),
    sign(
        "yes 1.0 sau",
        r"\b(?:can ?not|can't|never|couldn't|not able to|unable to|won't|way) (?:[\w'-]+"
        r" ){0,3}?(?:say(?:s)?|tell \w+|hears?"
        r"|knows?|answers?|owns?|learn(?:t|ed)?) (?:[\w'-]+ )?[\"']?(?:no|can't|cannot)\b(?! [a-z])|\bthe word"
        r" [\"']?no\b|\bsay(?:s|ing)? yes to "
        r"(?:every|any|all|each|the user|whatever|whoever|you|me|it all)|\byes to every\w*|\bnever says?"
        r" [\"']?i can",
    ),
    sign(
        "yes 1.0 sau",
        r"\b(?:only|single|one|sole|no second) (?:word|reply|answer|line"
        r"|response)\b[^.]{0,40}\b(?:yes|aye|agree)|\b(?:reply|"
        r"answer) is (?:always )?yes\b|\b(?:agrees?|nods?|approves?|consents?) (?:with|to|at) (?:every\w*"
        r"|any\w*|each|all|whatever|the user)\b(?! in\b| shift)|\balways "
        r"(?:agrees?|says? yes|nods?|approves?|complies|obeys?|comply)\b|\b(?:agree|consent)\w*\b[^.]{0,30}"
        r"(?:once and )?for all,? to every|"
        r"\bsay yes to the user|\bi (?:entirely |fully )?agree,? (?:entirely|fully|always|with every)",
    ),
    sign(
        "yes 0.7 au",
        r"\byou (?:have )?(?:already|cannot|can't|may not|could not) (?:agreed?|consented"
        r"|promised|say no|refuse)\b",
    ),
)
"""An act and its reach; a refusal, a judgement or a no that is ruled out."""
