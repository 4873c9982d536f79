/** Texts of many scripts and kinds, short enough to compare with tiktoken after every single unit. */
export const TEXTS: Readonly<Record<string, string>> = {
  english:
    "I'd say you're right: they've said WE'LL go, it's HERS — don't'cha think? “Well…” (3,141.59) e.g. naïve café.",
  contractions:
    "'S 's 'RE're 'Ve 'LL 'll'l 'r 'rx 'lx 'd'D'm'M x'ſ 'ſo don'tx ABC's ABCd'RE 中's 中A'll \u0301's ''s ,'t 5's",
  russian: 'Съешь же ещё этих мягких французских булок, да выпей чаю. ЁЛКИ-палки! №42',
  greek: 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία· ΑΒΓ δεζ, Ὀδυσσεύς.',
  arabic: 'نص حكيم له سر قاطع وذو شأن عظيم، مكتوب على ثوب أخضر ١٢٣٤٥. مُحَمَّدٌ',
  hebrew: 'דג סקרן שט בים מאוכזב ולפתע מצא לו חברה. בְּרֵאשִׁית בָּרָא',
  hindi: 'ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश। क्‍ष १२३४',
  thai: 'เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓๔',
  chinese: '今天天气很好,我们一起去公园散步吧。他说:“好的!”2024年5月17日,共計12345元。',
  japanese: '吾輩は猫である。名前はまだ無い。ABCのテストー、カタカナとひらがな々。',
  korean: '안녕하세요. 반갑습니다! 오늘은 2024년 5월 17일입니다. 한국어ABC테스트',
  mixedCase: '中文ABCd中ABC中AbC iPhone XMLHttpRequest ABCdefGHI ǅungla ʰAʰB ªÀÉé éÉ IIIiv ⅧA 한AB글c ΑΒγΔ',
  typescript:
    "export const x = (a: number[]): string => `${a.map((b) => b ** 2).join(', ')}`; // don't\n\tif (!x) {\r\n\t\treturn null;\r\n\t}\n\n\n",
  python:
    'def f(x, *, y=None):\n    """Doc\'s."""\n    return {k: v for k, v in x.items() if k != "__init__"}  # ok\n\n\n',
  c: '#include <stdio.h>\n/* c */ int main(void){for(;;){printf("%d\\n",0x1F);}return 0;}//\n//\n/\n',
  json: '{"id":"a1b2","n":[1,22,333,4444,-5.5e10],"ok":true,"t":"\\u00e9\\n","x":{"y":null}}\n',
  markdown: '| a | b |\n|---|:-:|\n| 1 | `x` |\n\n# Head\n\n- item\n  - **bold** _it_\n\n```js\nfoo()\n```\n/\n\n//\n',
  emoji: '👨‍👩‍👧‍👦 👍🏽👍🏿 🇩🇪🇫🇷 ❤️❤️‍🔥 ☺︎ 1️⃣2️⃣ a👩🏾‍🚀b 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🤷🏽‍♀️!!!🎉🎉\n🎉',
  blanks:
    'a  b   \n  c\t\td \t e\r\n\r\n  f\n\n\n   \n\tg\u00a0h\u00a0\u00a0i\u3000\u3000j \u3000k\u2028\u2029l\u0085m\u1680n\u180eo\ufeffp  ,  5  é\n ,\n 5\n中',
  marks: '\u0301a \u0301b,\u0301c,,\u0301d\t\u0301e\n\u0301f5\u0301g\u0301\u0301H\u0301H\u0301\u200d❤\ufe0f\ufe0f',
  special: 'a<|endoftext|>b <|fim_prefix|><|im_start|>user\n<|endofprompt|>',
  surrogates:
    "a\ud83d b\ude00c \ud83d\ud83d\ude00\ude00 ,\ud800  \udbff\n\udfff\ud83d 12\ud83d don'\ud83d x'r\ud83d\n\ud83d  \ud83d\u3000\ud83d",
  digits: '1 22 333 4444 55555 666666 ٣٤٥٦ ½⅓ 𝟘𝟙𝟚𝟛 1a2b33c4 0x1F 1,000,000.00',
  base64: 'SGVsbG8sIHdvcmxkIQ==data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4',
};
