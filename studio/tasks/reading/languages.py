"""What texts in many languages look like: their letters, the frequent ones first, and their commonest words.

A table for telling in which encoding a file was written (`encoding.py`), and nothing else: it can't name a language.
The signs of Chinese and Japanese are those of charset-normalizer. Knows no bytes.
"""

import math
import re
from functools import cached_property, lru_cache

from charset_normalizer.constant import FREQUENCIES
from pydantic import BaseModel, ConfigDict

_LATIN = """
English 0.002 éèïüöñçáóêâ
  the of and to in is that it for was on are with as be this have from or what how
German 0.02 üäößé
  und die der das ist nicht ein eine zu den mit für auf von sich wie was im werden kann sie über auch können
  müssen würde schön größe
French 0.05 éèàêçùîôûœâëï
  le la les de des et est un une que qui dans pour pas sur au du ne ce vous avec être à été très déjà même où
  cette après fait c'est
Spanish 0.03 óíáéñú¿¡ü
  el la los las de que y en un una es por con para no se del al lo como más qué está también sí años español
  día cómo dónde cuál
Portuguese 0.045 ãçéáíóõêâúàôü
  o a os as de que e do da em um uma para com não por mais como é são você se também já até à isso português
Italian 0.012 èàòùéì
  il la di che e un una in per non con del della sono si da come più è gli le questo perché può così cita
  città già
Catalan 0.04 àéóèíòçúïü·
  el la de que i en un una els les per amb no és del al com més va són també què això
Romanian 0.06 ăîâșțşţ
  de la și în nu cu pe o un este ce din care pentru mai sunt să şi se au că fără după când
Dutch 0.004 ëéïèüóêö
  de het een en van is dat niet in op te zijn met voor aan ze er wat om
Danish 0.03 åøæéö
  og det er en at i på til af ikke den der med for som jeg har de et hvad når også så være
Norwegian 0.03 åøæéòôü
  og det er en i på til av ikke den som jeg har med for et hva kan å være også når så år
Swedish 0.05 äåöéü
  och det är en i på att som av inte den för med jag har till om ett så vad när från här där också
Finnish 0.05 äöåšž
  ja on ei se että hän oli mutta kun niin kuin tai mitä minä joka ovat sen voi myös sitä tämä nyt
Icelandic 0.12 áðíóéþúöæý
  og að er í á það sem ekki við með var um hann til en ég því þú eða þá hvað
Irish 0.07 áéíóú
  an na agus ar is i a go bhí le do sé ní ag don
Welsh 0.01 âêîôûŵŷáïëöú
  y yr a i yn ar o mae ei ac wedi bod am gan oedd
Basque 0.002 ñüç
  eta da ez du bat egin dute ere izan zen hau dira
Albanian 0.07 ëç
  të e në dhe për me një që si nga është ka nuk më do se së
Polish 0.07 łóążęćśńź
  i w na z do nie się jest to że od jak przez po za co dla ale czy są jej być o też już może można który która
  tylko według będzie więc
Czech 0.13 áíéěýčřšžůúťďňó
  a v na je se že to s z do o za by ale jak pro co nebo když tak jsou není který která může být než při až
  jsem
Slovak 0.12 áíéčýžšľťúôďňóäĺŕ
  a v na je sa že to s z do o za by ale ako pre čo alebo keď tak sú nie ktorý ktorá môže byť tiež než pri až
  som
Hungarian 0.12 áéőóöíüúű
  a az és hogy nem is egy van ez volt meg de azt csak már mint el ha én vagy még kell után között több első
  idő
Slovenian 0.03 čšžć
  in je v na se da ki za so z ne bi pa kot po tudi od ali kaj ni če več že
Croatian 0.03 čšžćđ
  i je u na se da su za od s ne što kao bi a ili koji sam kako nije više može već
Turkish 0.11 ıüşğçöâîû
  ve bir bu için ile da de ne olarak mi var çok daha gibi ama değil o en ben şu gün olduğu
Lithuanian 0.07 ėšžųąįūčę
  ir yra kad tai į su iš ar kaip ne bet jis o už buvo nuo jo per kas taip būti
Latvian 0.09 āīēšžūļņčģķ
  un ir ka no ar par uz kas nav to tas bet kā vai es viņš pie lai nē būt arī viņa
Estonian 0.05 äõüöšž
  ja on ei et see kui oli ta ka mis mida aga või ning selle oma kes mõne üks
Esperanto 0.02 ĉĝŭŝĵĥ
  la de kaj en estas al ne ke mi vi por kun li kiu pri
Maltese 0.05 ħżġċàù
  ta il li u f fuq għal ma dan huwa kien mill
Vietnamese 0.22 đàáạảâấầộôốồơưượớờếềệểễêăắặằóọòỏừứữửựìíịỉĩãẽẹẻéèõổỗợởỡúùủũụậẩẫẳẵýỳỷỹỵ
  là và của có không trong cho được một người những với các này đó khi đã cũng như tôi bạn gì nước việt
"""
"""Language, the share of its letters that ASCII has not, those letters; below it some words."""
_OTHER = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ",
    "Ukrainian": "оанивітерслкумдпзяьбгчйхцїжшєщюґф’",
    "Belarusian": "аніонтрскеялвўпмдыузьгйбчцшжёюэхф",
    "Bulgarian": "аиоентрсвлкдпмзгяъубчцйжщхшюфь",
    "Serbian": "аиоенрсуткјвдмплгзбчцњшжћљхђфџ",
    "Macedonian": "аоеитнрсвдклупмгзбјчцшжхфќѓњљџѕ",
    "Kazakh": "аыентрлідсмқкобиуғжңзшйпгөұүһэәяхвюцчфьъщ",
    "Greek": "ατοιενρσκηπςυμλίόάγέδήωχθύφβώξζψϊΐϋΰ",
    "Hebrew": "יוהלרבתמאשנעםדקחפסכגטצןזךףץ״׳־",
    "Arabic": "اليمنروتبةعدسفهكقأحجشطصىخإضذزغثءئآظؤ،؟؛ـًٌٍَُِّْ",
    "Persian": "ایردنهومتبسلکشزفگعخقجآپحطصغچضژثئظذ،؟؛‌",
    "Thai": "านรอกเง่มยล้วีดัทสติะปบคหุแจพชขใืูไํ็ำโณ์ึศธผซภถฐญษฉฝฟๆฯ",
}
"""Language: all its letters, of those that are not written in Latin ones."""
_SYLLABLES = "다이는을가에의고지하기도은어로사한서리인나를대아시자해라일있정그것게전장수니부들만면요제보여주오"


class Language(BaseModel):
    """What is known of one language; `weights` are log-probabilities of the letters that ASCII has not."""

    model_config = ConfigDict(frozen=True)

    name: str
    share: float
    weights: dict[str, float]
    words: frozenset[str] = frozenset()

    @cached_property
    def is_latin(self) -> bool:
        """Whether it is written in Latin letters, most of which ASCII has."""
        return self.share < 0.5

    @cached_property
    def weight_of_ascii(self) -> float:
        """The log-probability that a letter is one of ASCII's; of no weight where they are another script's."""
        return math.log(1 - self.share) if self.is_latin else 0.0

    @cached_property
    def has_signs(self) -> bool:
        """Whether it is written in thousands of signs."""
        return len(self.weights) > 1000


@lru_cache(maxsize=1)
def list_languages() -> tuple[Language, ...]:
    """Return every language of the table."""
    latin = map(_read_latin, re.split(r"\n(?! )", _LATIN.strip()))
    other = (Language(name=name, share=1, weights=_weigh(letters, 1)) for name, letters in _OTHER.items())
    return (
        *latin,
        *other,
        _chinese("gb2312", "Chinese"),
        _chinese("big5", "Traditional Chinese"),
        _japanese(),
        _korean(),
    )


def _read_latin(block: str) -> Language:
    name, share, letters, *words = block.split()
    weights = _weigh(letters, float(share), power=1.6)
    return Language(name=name, share=float(share), weights=weights, words=frozenset(words))


def _weigh(letters: str, share: float, spread: float = 2.0, power: float = 1.0) -> dict[str, float]:
    """Log-probabilities that fall with the rank, as frequencies of letters do."""
    parts = [(rank + spread) ** -power for rank in range(len(letters))]
    return {letter: math.log(share * part / sum(parts)) for letter, part in zip(letters, parts, strict=True)}


def _level(codec: str, first: int, last: int) -> list[str]:
    """The signs that a codec has under lead bytes of a range: the levels of the East Asian standards."""
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    return [sign for pair in pairs if len(sign := pair.decode(codec, "ignore")) == 1]


def _signs(*parts: tuple[str | list[str], float]) -> dict[str, float]:
    """Log-probabilities of signs in groups, each with its share; the first group that has one counts."""
    weights: dict[str, float] = {}
    for signs, share in parts:
        for sign in signs:
            weights.setdefault(sign, math.log(share / len(signs)))
    return weights


_MARKS = "、。「」，．・：；？！（）『』《》“”‘’—…～　"


def _chinese(codec: str, name: str) -> Language:
    frequent = "".join(FREQUENCIES["Chinese"]) + "吗呢吧请问什今明"
    levels = ((0xB0, 0xD7), (0xD8, 0xF7)) if codec == "gb2312" else ((0xA4, 0xC6), (0xC9, 0xF9))
    if codec == "big5":
        frequent = (
            "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作里用道行所"
            "然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實嗎呢吧請問什今明"
        )
    common, rare = (_level(codec, *level) for level in levels)
    return Language(name=name, share=1, weights=_signs((_MARKS, 0.08), (frequent, 0.42), (common, 0.48), (rare, 0.02)))


def _japanese() -> Language:
    hiragana = "".join(FREQUENCIES["Japanese——"])
    katakana = "".join(FREQUENCIES["Japanese—"])
    frequent = "".join(FREQUENCIES["Japanese"])
    common, rare = _level("euc_jp", 0xB0, 0xCF), _level("euc_jp", 0xD0, 0xF4)
    half = "".join(map(chr, range(0xFF61, 0xFFA0)))
    parts = _signs((_MARKS, 0.07), (katakana, 0.12), (frequent, 0.11), (common, 0.2), (rare, 0.005), (half, 0.0002))
    return Language(name="Japanese", share=1, weights={**parts, **_weigh(hiragana, 0.49, 6)})


def _korean() -> Language:
    common = _level("euc_kr", 0xB0, 0xC8)
    hanja = _level("euc_kr", 0xCA, 0xFD)
    parts = _signs((_MARKS, 0.01), (_SYLLABLES, 0.5), (common, 0.48), (hanja, 0.005))
    return Language(name="Korean", share=1, weights=parts)
