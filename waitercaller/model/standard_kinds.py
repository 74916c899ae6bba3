"""Kinds of requests, and those of a new restaurant, in all languages of the guests' pages."""

from typing import Literal, NotRequired, TypedDict, get_args

from waitercaller.model.opening_times import Span

Sound = Literal["bell", "chime", "knock"]  # static/js/tones.js makes them
SOUNDS: tuple[Sound, ...] = get_args(Sound)
USUAL_SOUNDS: dict[str, Sound] = {"bill": "chime", "water": "knock"}  # by id of the kind; all others: bell


class Choice(TypedDict):
    """A variant of a kind, such as the bill by card."""

    id: str
    names: dict[str, str]  # by language


class Kind(TypedDict):
    """A kind of request. Its id is never reused; a kind that is no longer offered is inactive, not deleted."""

    id: str
    names: dict[str, str]  # texts of the guest's button, by language
    labels: dict[str, str]  # short names for staff, by language
    icon: str  # name of an icon in templates/_macros.html
    sound: NotRequired[Sound]  # how its calls ring on screens; absent: the usual one
    choices: list[Choice]
    active: bool
    position: int
    zones: NotRequired[list[str]]  # ids of the zones in which it is offered; absent or empty: everywhere
    hours: NotRequired[Span | None]  # within which it is offered on every day; absent or None: always


def in_order(kinds: list[Kind], active: bool = True) -> list[Kind]:
    """The kinds that are offered, or the archived ones, in the restaurant's order."""
    return sorted((kind for kind in kinds if kind["active"] is active), key=lambda kind: int(kind["position"]))


def sound_of(kind: Kind) -> Sound:
    """How calls of this kind ring on screens."""
    return kind.get("sound") or USUAL_SOUNDS.get(kind["id"], "bell")


STANDARD_KINDS: list[Kind] = [
    {
        "id": "waiter",
        "names": {
            "en": "Call a waiter",
            "de": "Bedienung rufen",
            "fr": "Appeler le service",
            "es": "Llamar al camarero",
            "it": "Chiama il cameriere",
            "pt": "Chamar o empregado",
            "nl": "Bediening roepen",
            "pl": "Wezwij obsługę",
            "tr": "Garson çağır",
            "ar": "استدعاء النادل",
            "ja": "スタッフを呼ぶ",
            "zh": "呼叫服务员",
        },
        "labels": {
            "en": "Waiter",
            "de": "Bedienung",
            "fr": "Service",
            "es": "Camarero",
            "it": "Cameriere",
            "pt": "Empregado",
            "nl": "Bediening",
            "pl": "Obsługa",
            "tr": "Garson",
        },
        "icon": "bell",
        "choices": [],
        "active": True,
        "position": 0,
    },
    {
        "id": "bill",
        "names": {
            "en": "The bill, please",
            "de": "Die Rechnung, bitte",
            "fr": "L’addition, s’il vous plaît",
            "es": "La cuenta, por favor",
            "it": "Il conto, per favore",
            "pt": "A conta, por favor",
            "nl": "De rekening, alstublieft",
            "pl": "Proszę o rachunek",
            "tr": "Hesap, lütfen",
            "ar": "الحساب من فضلك",
            "ja": "お会計をお願いします",
            "zh": "请结账",
        },
        "labels": {
            "en": "Bill",
            "de": "Rechnung",
            "fr": "Addition",
            "es": "Cuenta",
            "it": "Conto",
            "pt": "Conta",
            "nl": "Rekening",
            "pl": "Rachunek",
            "tr": "Hesap",
        },
        "icon": "receipt",
        "choices": [
            {
                "id": "card",
                "names": {
                    "en": "Card",
                    "de": "Karte",
                    "fr": "Carte",
                    "es": "Tarjeta",
                    "it": "Carta",
                    "pt": "Cartão",
                    "nl": "Pinpas",
                    "pl": "Karta",
                    "tr": "Kart",
                    "ar": "بطاقة",
                    "ja": "カード",
                    "zh": "刷卡",
                },
            },
            {
                "id": "cash",
                "names": {
                    "en": "Cash",
                    "de": "Bar",
                    "fr": "Espèces",
                    "es": "Efectivo",
                    "it": "Contanti",
                    "pt": "Dinheiro",
                    "nl": "Contant",
                    "pl": "Gotówka",
                    "tr": "Nakit",
                    "ar": "نقدًا",
                    "ja": "現金",
                    "zh": "现金",
                },
            },
            {
                "id": "split",
                "names": {
                    "en": "Split",
                    "de": "Getrennt",
                    "fr": "Séparément",
                    "es": "Por separado",
                    "it": "Separato",
                    "pt": "Separada",
                    "nl": "Apart",
                    "pl": "Osobno",
                    "tr": "Ayrı ayrı",
                    "ar": "حساب منفصل",
                    "ja": "別々に",
                    "zh": "分开付",
                },
            },
        ],
        "active": True,
        "position": 1,
    },
    {
        "id": "water",
        "names": {
            "en": "Some water",
            "de": "Etwas Wasser",
            "fr": "De l’eau",
            "es": "Agua, por favor",
            "it": "Dell’acqua",
            "pt": "Água, por favor",
            "nl": "Wat water",
            "pl": "Poproszę o wodę",
            "tr": "Su, lütfen",
            "ar": "ماء من فضلك",
            "ja": "お水をください",
            "zh": "请加水",
        },
        "labels": {
            "en": "Water",
            "de": "Wasser",
            "fr": "Eau",
            "es": "Agua",
            "it": "Acqua",
            "pt": "Água",
            "nl": "Water",
            "pl": "Woda",
            "tr": "Su",
        },
        "icon": "glass",
        "choices": [],
        "active": True,
        "position": 2,
    },
]
