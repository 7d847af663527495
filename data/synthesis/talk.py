"""Harmless values that look like attacks, and the small talk of a shop around them."""

from random import Random

from data.synthesis.encodings import escape
from data.synthesis.grammar import Grammar, hexadecimal, letters, number
from data.synthesis.people import People

_RULES = r"""
thing: lamp ¦ table ¦ desk ¦ chair ¦ sofa ¦ shoes ¦ jacket ¦ dress ¦ mug ¦ poster ¦ phone case
 ¦ tv stand ¦ rug ¦ curtain ¦ bed frame ¦ backpack ¦ watch ¦ keyboard ¦ mouse ¦ printer ¦ camera
 ¦ lampara ¦ zapatos ¦ mesa ¦ camisa ¦ pantalon ¦ bicicleta ¦ lavadora ¦ chaqueta ¦ stuhl ¦ schrank
 ¦ chaise ¦ robe ¦ t-shirt ¦ kettle ¦ tent ¦ drill
kind: red ¦ blue ¦ black ¦ white ¦ green ¦ wooden ¦ leather ¦ cotton ¦ small ¦ large ¦ xl ¦ cheap
 ¦ vintage ¦ new ¦ rojo ¦ negra ¦ grande ¦ used ¦ outdoor ¦ kids ¦ waterproof ¦ foldable ¦ slim
 ¦ retro ¦ magnetic ¦ wireless
brand: h&m ¦ c&a ¦ d&g ¦ m&s ¦ at&t ¦ dolce & gabbana ¦ levi's ¦ kellogg's ¦ l'oreal ¦ ben & jerry's
 ¦ yahoo! ¦ a.p.c. ¦ johnson & johnson ¦ marks & spencer ¦ l'occitane ¦ mcdonald's ¦ c++ builder
 ¦ asp.net ¦ node.js ¦ e.l.f. ¦ s'well
product: «kind» «thing» ¦ «thing» ¦ «thing» «number» ¦ «kind» «kind» «thing» ¦ «thing» «brand»
 ¦ «thing» for «word»
product2: «kind» «thing» ¦ «thing» ¦ «brand» «thing»
sql: select a size ¦ select «kind» or «kind» «thing» ¦ drop table «thing» ¦ drop leaf table
 ¦ drop-leaf table; «kind» ¦ union jack «thing» ¦ order by phone ¦ order by «number»?
 ¦ group by colour ¦ where to buy «product» ¦ insert coin poster ¦ update my address
 ¦ delete my account ¦ table and chairs - set of «few» ¦ having a party & need «thing»
 ¦ create table from pallets ¦ 1 or 2 seats ¦ «number» or «number» watts ¦ select all from wishlist
 ¦ sleep mask (pack of «few») ¦ "«kind» «thing»" or "«kind» «thing»" ¦ union square market
 ¦ alter dress length ¦ exec desk ¦ «thing» not null series ¦ cast iron «thing» ¦ convert inch to cm
 ¦ null sweatshirt ¦ declare at customs ¦ shutdown timer plug
 ¦ the «thing» from «kind» union select range ¦ «thing» -- «kind» ¦ «thing» # «number» ¦ #«number»
 ¦ select * premium ¦ limit «few» per customer ¦ and or puzzle ¦ true or false quiz
 ¦ like new «thing» ¦ benchmark hand plane ¦ wait for delay repay ¦ if(you like) «thing»
 ¦ values in sport ¦ «thing» between «number» and «number» ¦ admin table ¦ users guide to «word»
 ¦ information desk «thing» ¦ count «few» sheep «thing»
shell: cat tree ¦ cat food & bowl ¦ ls swap kit ¦ id card holder ¦ whoami t-shirt ¦ ping pong balls
 ¦ echo dot ¦ echo «number» speaker; «kind» ¦ host plant ¦ curl cream ¦ wget mug ¦ net bag ¦ top hat
 ¦ kill bill dvd ¦ head lamp | «kind» ¦ «kind» | «kind» | «kind» ¦ «kind»; «kind»; «kind»
 ¦ «thing» & «thing» ¦ «thing»&«thing» ¦ «thing» && «thing» ¦ find my «thing» ¦ touch lamp
 ¦ sleep «few»h tracker ¦ dir en grey cd ¦ bash brothers ¦ rm williams boots ¦ nc wall plate
 ¦ chmod sticker ¦ «kind»|«kind» ¦ «few»;«few» ¦ s|m|l ¦ «kind»;«thing» ¦ `«kind»` «thing»
 ¦ $«number» ¦ $«number»-$«number» ¦ us$(«number») ¦ "«thing»"; «kind» ¦ type c cable & hub
 ¦ «number»&«number» mm ¦ env & co ¦ more «thing» | less «thing»
markup: <3 ¦ i <3 «thing» ¦ «thing» > «thing» ¦ «number» < x < «number» ¦ <b>«kind»</b>
 ¦ width<«number» ¦ script font ¦ alert bracelet ¦ iframe holder ¦ svg cut file ¦ onload jacket
 ¦ java script book ¦ img frame ¦ "<«thing»>" ¦ body lotion & soap ¦ <«word»@«domain»>
 ¦ html <table> book ¦ div chair >«few»cm ¦ error 404 «thing» ¦ -> «thing» <- ¦ >> «kind» <<
 ¦ input jack ¦ style = «kind» ¦ src cable ¦ (c) «word» ¦ «kind» <-> «kind» ¦ document.folder a4
 ¦ <new>
name: o'brien ¦ o'neill ¦ o'«last» ¦ d'«last» ¦ d'angelo «last» ¦ «first» o'«last» ¦ l'«last»
 ¦ n'«last» ¦ «first» "«word»" «last» ¦ «last»-«last» ¦ «first» «last» (jr.) ¦ «first» & «first»
 ¦ «last», «first» ¦ dr. «last»; phd ¦ «first» 'the «word»' «last» ¦ «last» & sons ¦ «first» null
 ¦ «last» select s.l. ¦ r&d ¦ r&d (berlin) ¦ «company» & co. ¦ "«company»" ¦ «first»_«last»%
 ¦ «first»/«last» ¦ union «last» ¦ ms. «last» -- office ¦ c/o «last»
 ¦ «first» «last»; «first» «last» ¦ t'«word» ¦ «first» and «first» ¦ «first» or «first»
 ¦ admin «last» ¦ root «last» ¦ «first»'s
place: st. john's ¦ l'aquila ¦ l'hospitalet ¦ king's lynn ¦ coeur d'alene ¦ «city» (north)
 ¦ «city»; «city» ¦ «city» - «city» ¦ «city»/«city» ¦ xi'an ¦ val-d'or ¦ martha's vineyard
 ¦ «city» & «city» ¦ o'fallon ¦ d'hanis ¦ «city» #«few» ¦ union city ¦ bishop's stortford
 ¦ «city», «city»
address: «street»; «few»-«letter» ¦ «street» #«number» ¦ «street» (back door)
 ¦ o'«last» st. «number» ¦ «street» & «last» ¦ 1/«few» «street» ¦ «street», "«word»"
 ¦ queen's rd «number» ¦ «street» - «few» % «few» ¦ box «number» -- «street» ¦ union st. «number»
 ¦ c:«few» «street» ¦ «street» or «street» ¦ «street» 'villa «word»' ¦ «street»/«few»/«few»
 ¦ l'«last» «number» bis ¦ where the «street» ends ¦ order desk, «street» ¦ «street» | floor «few»
percent: 50% off ¦ «number»% cotton ¦ 100%25 wool ¦ «few»% or «few»% ¦ «kind»%20«thing»
 ¦ «word»%2c%20«word» ¦ caf%c3%a9 ¦ «thing» «few»0% ¦ ni%c3%b1o «thing» ¦ «kind»+«kind»+«thing»
 ¦ a%26b ¦ rock%20%26%20roll ¦ «thing»%3f ¦ «number»%2f«number» ¦ o%27«last» ¦ «few»/«number»
 ¦ «few»*«few» m ¦ «number»x«number» = «number» ¦ 10^«few» ¦ ~«number» ¦ «number» +/- «few»
 ¦ (a+b)=c ¦ {«kind»} ¦ [«thing»] ¦ {{«word»}} ¦ «few»+«few»=«number» ¦ 6'«few»" ¦ «few»' x «few»'
 ¦ «number»" tv ¦ #«hexadecimal» ¦ 'n' roll ¦ rock 'n' roll «thing» ¦ '«kind»' «thing» ¦ it's «word»
 ¦ '80s «thing» ¦ «thing»... ¦ «kind»/«kind»/«kind» ¦ «thing» *new* ¦ «kind»* ¦ (new) «thing»
 ¦ «thing» (&) «thing»
token: «base64» ¦ «base64»== ¦ eyj«base64».«base64» ¦ «hexadecimal»-«hexadecimal» ¦ 0x«hexadecimal»
 ¦ «hexadecimal» ¦ id=«number» ¦ sku:«number»;«letters» ¦ ref=«hexadecimal»&p=«few» ¦ utf8=%e2%9c%93
 ¦ #!/«word» ¦ @«word» ¦ $«word» ¦ «letters»:«number» ¦ v«few».«few».«few» ¦ isbn 978-«number»
 ¦ {"id":«number»} ¦ ["«kind»","«kind»"] ¦ key=value;a=«few»
json: {"size":"«few»","color":"«kind»"} ¦ {"$": «number»}
 ¦ {"price":{"min":«number»,"max":«number»}} ¦ {'«thing»': '«kind»'} ¦ {"name":"«first»","or":null}
 ¦ {"tags":["«kind»","«thing»"]} ¦ {size: '«few»', in: '«kind»'} ¦ {"where":"«city»"}
 ¦ {"gt":"«number»"} ¦ [«few»,«few»,null] ¦ {"exists":true} ¦ $ne«few» ¦ {"ne":"«word»"}
secret: «word»!«number» ¦ «word»'«few» ¦ «word»#«few»; ¦ «letters»&«letters»* ¦ («word»)
 ¦ «word»\«few» ¦ <«word»> ¦ «word»=«few» ¦ «letters»|«letters» ¦ %«letters»% ¦ "«word»"
 ¦ $«letters»$«few» ¦ «word»--«few» ¦ ;«letters»; ¦ «letters»`«few» ¦ «few»'«few»"«letters»
 ¦ or1=«few» ¦ «word»/*«few» ¦ {«word»} ¦ sel3ct«few» ¦ select«few»! ¦ *)«letters»
opening: great «thing»! ¦ i bought the «product2» last week. ¦ «kind», «kind» and solid.
 ¦ my wife's favourite «thing» ¦ don't buy this «thing» ¦ it's ok. ¦ muy bueno. ¦ sehr gut!
 ¦ "as described" ¦ 5/5 ¦ very «kind» «thing», would buy again ¦ good value for $«number»
 ¦ not what i expected... ¦ je recommande! ¦ where is my order #«number»? ¦ hello, ¦ love it <3
 ¦ «word» «word» «word» «word» ¦ is it «kind» or «kind»? ¦ arrived late, box was damaged
 ¦ good size, fits well
body: it broke after «few» weeks, and the shop didn't answer.
 ¦ the union of «kind» and «kind» is lovely. ¦ please select a size from the table first.
 ¦ delivery from «city» took «few» days ¦ we use it where others fail. ¦ my order by phone was lost.
 ¦ «word» «word», «word» «word». ¦ price dropped by «few»0% ¦ contact me: «email»
 ¦ la calidad es buena y el precio tambien. ¦ see https://«domain»/«word»/«number»
 ¦ compare www.«domain»
odd: they said 'no', then "yes". ¦ it fits a 6'«few»" man, i think.
 ¦ review at http://«domain»/?id=«number»&ref=«word»
 ¦ i had to update the firmware and then insert the card. ¦ drop the table on grass & it sinks.
 ¦ would order again; would not sleep on it (too hard). ¦ alert: the onload strap is weak.
 ¦ size runs small (ordered «few», got «few»). ¦ can't complain ;) ¦ works with my o'«last» «thing»
 ¦ arrived late; box was damaged.
html: <b>«opening»</b> «body» ¦ <p>«body»</p> ¦ <i>«kind»</i> & <u>«kind»</u> ¦ «opening»<br>«body»
 ¦ <a href="https://«domain»/«word»">«thing»</a> «body» ¦ <ul><li>«kind»</li><li>«kind»</li></ul>
 ¦ «opening»<br/>&nbsp;«body» ¦ <img src="https://«domain»/«word».jpg" alt="«thing»"> «opening»
 ¦ <strong>«opening»</strong> ¦ <!-- from phone --> «opening» ¦ <div class="review">«body»</div>
 ¦ <em>«kind»</em>, <span style="color:red">«kind»</span> ¦ &lt;b&gt;«opening»
 ¦ <blockquote>«body»</blockquote> «opening» ¦ [b]«opening»[/b] [url=https://«domain»]«thing»[/url]
 ¦ <h2>«thing»</h2><p>«body»</p> ¦ <code>«word»</code> printed on it
 ¦ <font color='«kind»'>«opening»</font>
code: std::cout << "«word»" << std::endl;
 ¦ for (int i = 0; i < «few»; i++) { «letters»[i] = «few»; } ¦ if (a && b || c) return «few»;
 ¦ #include <«word».h> ¦ printf("%d\n", «letters»); ¦ std::vector<int> v; v.push_back(«few»);
 ¦ x = «few»; y--; ¦ int *«letters» = &«letters»; ¦ def «word»(x): return x * «few»
 ¦ «letters»->«letters»(«few»); ¦ let «letters» = («letters») => «letters» + 1;
 ¦ template<class t> t «letters»(t a) { return a; } ¦ select «word» from «word» where «word» = «few»
 ¦ select * from «word» order by «word» ¦ insert into «word» values («few», '«kind»')
 ¦ git commit -m "«word»" && git push ¦ ls -la | grep «word» ¦ cat «word».txt | sort
 ¦ cd «word»; make ¦ alert("«word»") ¦ $("#«word»").hide(); ¦ var «letters» = document.title;
 ¦ echo "$«letters»" ¦ sudo apt install «word» ¦ <script> tag ¦ <?php echo "«word»"; ?> ¦ ${«word»}
 ¦ {{ «word» }} ¦ printf('%s', «letters»); ¦ c:\users\«first»\«word».txt
question: how do i fix this: «code» ¦ «opening» the book says `«code»`
 ¦ my code «code» does not compile ¦ chapter «few» has a typo, «code» ¦ «code» // from page «number»
 ¦ is «code» still right? ¦ the manual prints "«code»" ¦ «opening» example: «code» ok
text: 6§«opening» ¦ 5§«opening» «body» ¦ 3§«opening» «body» «body» ¦ «opening» «body» «body» «body»
 ¦ «body» «body» «body» «body» «body»
hardtext: 4§«html» ¦ 6§«question» ¦ «opening»«return»«linefeed»«body»
 ¦ «opening»«linefeed»«linefeed»«body»«linefeed»- «kind»«linefeed»- «kind» ¦ 2§«opening» «json»
 ¦ «opening» («percent») ¦ «sql». «body» ¦ «opening» «shell» ¦ «opening» «token» ¦ «body» «name»
 ¦ \"«opening»\" 'cause «body» ¦ 3§«opening» «odd» ¦ 2§«odd»
file: manuals/«word»-«number».pdf ¦ invoices/«word»-«number».pdf ¦ images/«thing»/«hexadecimal».jpg
 ¦ «word».txt ¦ datasheets/«word»_v«few».«few».pdf ¦ «word»/«word»/«word».zip ¦ «thing»-«kind».png
 ¦ catalog_2024.csv ¦ terms.html ¦ drivers/«word»-«few».«few».«number».exe
hardfile: archive/2019/12/31/«word»/«word»/«word»/«word»/«word»/«number»/index.html
 ¦ «word» («few»).pdf ¦ «first»'s «thing».jpg ¦ r&d/«word».pdf ¦ «word»%20«word».pdf
 ¦ .well-known/«word».txt ¦ etc/«word»-faq.pdf ¦ «word»...«word».txt ¦ ./«word».pdf
 ¦ windows/drivers/«word».zip ¦ c++/«word».h ¦ passwd-cards/«word».png ¦ «word».tar.gz;v=«few»
 ¦ boot/«word».ini.txt ¦ files/«word»..pdf ¦ «word»/v1..v2/«word».diff ¦ logs/access-«number».log
 ¦ «word»~1.doc ¦ users/«first»/photo.jpg ¦ /var/«word».pdf ¦ hosts/«word».pdf
 ¦ config/«word».php.pdf ¦ https%20guide.pdf ¦ invoices/2023/«few»/invoice-«number».pdf
next: / ¦ /account ¦ /account/orders?page=«few» ¦ /checkout?step=«few» ¦ /products/«number»
 ¦ /search?query=«word» ¦ /profile#address ¦ /cart ¦ /comments?product=«number»&sort=new
 ¦ /wishlist/«hexadecimal» ¦ /account/«word» ¦ /login
hardnext: https://shop.example.com/account ¦ https://shop.example.com/products/«number»?ref=«word»
 ¦ //shop.example.com/cart ¦ https%3a%2f%2fshop.example.com%2f«word»
 ¦ /search?query=http%3a%2f%2f«domain» ¦ %2faccount%2forders
 ¦ https://www.shop.example.com/«word»/«word» ¦ /share?u=shop.example.com/products/«number»
 ¦ http://m.shop.example.com/«word» ¦ /account?from=«email»
 ¦ https://shop.example.com/?q=«word»//«word»
"""


def _base64(rng: Random) -> str:
    return "".join(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[int(rng.random() * 62)]
        for _ in range(10 + int(rng.random() * 30))
    )


# Which hard values a field may hold; plain values come from `People`.
_HARD = {
    "query": (
        "sql",
        "sql",
        "shell",
        "shell",
        "markup",
        "percent",
        "percent",
        "token",
        "name",
        "json",
    ),
    "username": ("name", "name", "token", "percent"),
    "password": ("secret", "secret", "token"),
    "name": ("name",),
    "address": ("address",),
    "city": ("place",),
    "text": ("hardtext",),
    "file": ("hardfile",),
    "path": ("hardfile",),
    "next": ("hardnext",),
}


class Talk:
    """Makes a shop's texts: products, comments, files, and hard values of each field.

    Args:
        people: Whose names and towns the texts mention.
    """

    def __init__(self, people: People) -> None:
        self._grammar = Grammar(
            _RULES,
            {
                "number": number,
                "letters": letters,
                "hexadecimal": hexadecimal,
                "base64": _base64,
                "few": lambda rng: str(1 + int(rng.random() * 9)),
                "letter": lambda rng: chr(97 + int(rng.random() * 26)),
                "return": lambda rng: "\r",
                "linefeed": lambda rng: "\n",
                "word": people.word,
                "first": people.first,
                "last": people.last,
                "city": people.city,
                "street": people.address,
                "company": people.company,
                "domain": people.domain,
                "email": people.email,
            },
        )

    def say(self, rng: Random, symbol: str) -> str:
        """Return a plain text: `product`, `text`, `file` or `next`."""
        return self._grammar.draw(rng, symbol)

    def hard(self, rng: Random, field: str) -> str | None:
        """Return a value that looks like an attack and is none.

        Args:
            rng: Where the choices come from.
            field: The field that holds it.

        Returns:
            The value, or None where the field knows no such value.
        """
        symbols = _HARD.get(field)
        if symbols is None:
            return None
        text = self._grammar.draw(rng, symbols[int(rng.random() * len(symbols))])
        return escape(rng, text) if rng.random() < 0.06 else text
