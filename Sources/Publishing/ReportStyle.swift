/// The look of a report. System fonts, colours as variables for light, dark and paper.
package enum ReportStyle {
    package static let css: StaticString = """
        :root{--bg:#f4f5f7;--card:#fff;--ink:#18202b;--soft:#5a6675;--line:#dfe3e8;--wash:#f6f7f9;
        --top:#141c29;--topink:#f3f5f8;--topsoft:#a9b4c4;--link:#1d5fae;
        --land:#dbe0e6;--sea:#f4f6f8;--coast:#c3cad3;
        --c5:#a50e3b;--c4:#cf4310;--c3:#a66f00;--c2:#2866a8;--c1:#6a7482;--ok:#2b7a4b;
        --w5:#fbeaf0;--w4:#fdefe8;--w3:#fbf3df;--w2:#e9f1fa;--w1:#eff1f4}
        @media (prefers-color-scheme:dark){:root{--bg:#0f141b;--card:#182029;--ink:#e6eaf0;
        --soft:#97a3b3;--line:#2a3440;--wash:#1e2731;--top:#0a0f16;--topink:#f3f5f8;--topsoft:#93a0b3;
        --link:#7db4f2;--land:#2c3744;--sea:#141b23;--coast:#3c4957;
        --c5:#f2557f;--c4:#fb7d45;--c3:#e2ad3b;--c2:#68a8ec;--c1:#8f9bab;--ok:#62c08a;
        --w5:#3a1a26;--w4:#3a2318;--w3:#352b14;--w2:#182c42;--w1:#252e39}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,
        "Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;
        font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
        .in,main{max-width:1080px;margin:0 auto;padding:0 24px}
        .top{background:var(--top);color:var(--topink);padding:28px 0 62px}
        .brand{margin:0 0 18px;font-size:12px;font-weight:600;letter-spacing:.16em;
        text-transform:uppercase;color:var(--topsoft)}
        h1{margin:0;font-size:32px;line-height:1.15;font-weight:650;letter-spacing:-.015em}
        .period{margin:6px 0 0;color:var(--topsoft)}
        .lede{margin:18px 0 0;font-size:19px;line-height:1.4;max-width:44em}
        main{margin-top:-38px}
        h2{margin:0 0 12px;font-size:18px;font-weight:650;letter-spacing:-.005em}
        h3{margin:0 0 8px;font-size:12px;font-weight:650;letter-spacing:.06em;text-transform:uppercase;
        color:var(--soft)}
        section{margin:0 0 28px}
        a{color:var(--link)}
        code{font:.88em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
        .q{color:var(--soft);font-weight:400}
        .tiles{display:grid;grid-template-columns:repeat(7,1fr);gap:12px;margin-bottom:14px}
        .tile{background:var(--card);border:1px solid var(--line);border-top:4px solid var(--line);
        border-radius:8px;padding:12px 14px 11px}
        .tile b{display:block;font-size:30px;line-height:1.1;font-weight:650;letter-spacing:-.02em}
        .tile span{font-size:13px;color:var(--soft)}
        .tile.none b{color:var(--soft);opacity:.55}
        .tile.s5{border-top-color:var(--c5)}.tile.s5 b{color:var(--c5)}
        .tile.s4{border-top-color:var(--c4)}.tile.s4 b{color:var(--c4)}
        .tile.s3{border-top-color:var(--c3)}.tile.s3 b{color:var(--c3)}
        .tile.s2{border-top-color:var(--c2)}.tile.s2 b{color:var(--c2)}
        .tile.s1{border-top-color:var(--c1)}
        .tile.back{border-top-color:var(--ok)}.tile.back b{color:var(--ok)}
        .tiles+section{margin-top:28px}
        .run{margin:0 0 28px;color:var(--soft);font-size:13.5px}
        .strip,.map,.users{background:var(--card);border:1px solid var(--line);border-radius:10px;
        padding:18px 20px}
        svg{display:block;width:100%;height:auto}
        .axis{stroke:var(--line)}
        .tick{fill:var(--soft);font-size:12px}
        .f5{fill:var(--c5)}.f4{fill:var(--c4)}.f3{fill:var(--c3)}.f2{fill:var(--c2)}.f1{fill:var(--c1)}
        .sea{fill:var(--sea)}
        .land{fill:var(--land);stroke:var(--coast);stroke-width:.6;vector-effect:non-scaling-stroke}
        .arc{fill:none;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
        .l5{stroke:var(--c5)}.l4{stroke:var(--c4)}.l3{stroke:var(--c3)}.l2{stroke:var(--c2)}
        .l1{stroke:var(--c1)}
        .usual{fill:var(--card);stroke:var(--ink);stroke-width:1.6}
        .halo{opacity:.22}
        .end,.dot{stroke:var(--card);stroke-width:1.2}
        circle.num{stroke:var(--card);stroke-width:1.2}
        text.num{fill:var(--card);font-size:9.5px;font-weight:700}
        text.name{fill:var(--ink);font-size:12px;font-weight:550;paint-order:stroke;stroke:var(--sea);
        stroke-width:3px;stroke-linejoin:round}
        .key{margin:8px 0 14px;font-size:12.5px;color:var(--soft)}
        .key span{display:inline-block;border-radius:50%;margin:0 6px 0 14px;vertical-align:-1px}
        .key span:first-child{margin-left:0}
        .k1{width:9px;height:9px;border:1.6px solid var(--ink);background:var(--card)}
        .k2{width:11px;height:11px;background:var(--ink);box-shadow:0 0 0 3px var(--w4)}
        .k3{width:8px;height:8px;background:var(--ink)}
        table{width:100%;border-collapse:collapse;font-size:13.5px;overflow-wrap:break-word}
        .u{overflow-wrap:anywhere;min-width:110px}.p{min-width:118px}
        th{text-align:left;font-size:12px;font-weight:600;color:var(--soft);padding:6px 10px 6px 0;
        border-bottom:1px solid var(--line);white-space:nowrap}
        td{padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
        tr:last-child td{border-bottom:0}
        .n{text-align:right;padding-right:18px;white-space:nowrap}
        th.n:first-child,td.n:first-child{padding-right:14px;width:1%}
        .t{white-space:nowrap;color:var(--soft)}
        .sus{font-weight:650}.trips .u{max-width:230px}
        .risk{display:inline-block;min-width:30px;padding:0 7px;border-radius:5px;text-align:center;
        font-weight:650;text-decoration:none;background:var(--w1);color:var(--c1)}
        .risk.s5{background:var(--w5);color:var(--c5)}.risk.s4{background:var(--w4);color:var(--c4)}
        .risk.s3{background:var(--w3);color:var(--c3)}.risk.s2{background:var(--w2);color:var(--c2)}
        .alert{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--c1);
        border-radius:10px;margin:0 0 14px}
        .alert.s5{border-left-color:var(--c5)}.alert.s4{border-left-color:var(--c4)}
        .alert.s3{border-left-color:var(--c3)}.alert.s2{border-left-color:var(--c2)}
        summary{display:flex;align-items:center;gap:16px;padding:14px 20px;cursor:pointer;
        list-style:none}
        summary::-webkit-details-marker{display:none}
        summary::after{content:"";flex:none;width:8px;height:8px;margin:-4px 2px 0 0;
        border:solid var(--soft);border-width:0 2px 2px 0;transform:rotate(45deg)}
        [open]>summary::after{transform:rotate(225deg);margin-top:6px}
        summary:focus-visible{outline:2px solid var(--link);outline-offset:-2px;border-radius:8px}
        .score{flex:none;width:64px;text-align:center;line-height:1.1;border-radius:8px;
        padding:7px 0 6px;background:var(--w1);color:var(--c1)}
        .score b{display:block;font-size:21px;font-weight:700}
        .score i{font-style:normal;font-size:11px;font-weight:600}
        .s5 .score{background:var(--w5);color:var(--c5)}.s4 .score{background:var(--w4);color:var(--c4)}
        .s3 .score{background:var(--w3);color:var(--c3)}.s2 .score{background:var(--w2);color:var(--c2)}
        .s1 .score i{font-size:9px}
        .what{flex:1;min-width:0}
        .what strong{display:block;font-size:16.5px;font-weight:650;line-height:1.3}
        .sub{color:var(--soft);font-size:13.5px}
        .pill{display:inline-block;padding:0 8px;border:1px solid var(--line);border-radius:20px;
        font-size:12px;line-height:19px;color:var(--soft);white-space:nowrap}
        .pill.certain{border-color:currentColor;color:var(--c5)}
        .pill.likely{border-color:currentColor;color:var(--c3)}
        .body{padding:2px 20px 16px}
        .sum{margin:0 0 16px;font-size:15.5px;max-width:56em}
        .cols{display:grid;grid-template-columns:minmax(0,1.45fr) minmax(0,1fr);gap:30px}
        .findings{margin:0;padding:0;list-style:none;counter-reset:f}
        .findings li{counter-increment:f;position:relative;padding:0 0 14px 30px}
        .findings li::before{content:counter(f);position:absolute;left:0;top:2px;width:20px;height:20px;
        border-radius:50%;background:var(--wash);border:1px solid var(--line);font-size:11.5px;
        line-height:18px;text-align:center;color:var(--soft);font-weight:650}
        .says{margin:0 0 4px}
        .rule{margin:0 0 8px;font-size:13px}
        .ev{display:flex;flex-wrap:wrap;gap:1px;margin:0 0 8px;background:var(--line);
        border:1px solid var(--line);border-radius:7px;overflow:hidden}
        .ev div{flex:1 1 auto;padding:5px 11px 6px;background:var(--wash)}
        .ev dt{font-size:11.5px;color:var(--soft);line-height:1.35}
        .ev dd{margin:0;font-size:14px;font-weight:600;line-height:1.35}
        .foot{margin:0;font-size:12.5px;color:var(--soft)}
        .todo{background:var(--wash);border:1px solid var(--line);border-radius:8px;
        padding:13px 16px 12px;margin:0 0 16px}
        .todo ol{margin:0;padding-left:20px}
        .todo li{margin:0 0 8px}.todo li:last-child{margin:0}
        .todo li::marker{font-weight:650}
        .todo b{display:block;font-weight:650;line-height:1.4}
        .todo span{display:block;font-size:13.5px;color:var(--soft);line-height:1.45}
        .facts{margin:0 0 16px;font-size:13.5px}
        .facts div{display:grid;grid-template-columns:74px minmax(0,1fr);padding:4px 0;
        border-bottom:1px solid var(--line)}
        .facts div:last-child{border:0}
        .facts dt{color:var(--soft)}.facts dd{margin:0}
        .acts{margin:0;padding:0;list-style:none;font-size:13.5px}
        .acts li{padding:2px 0}
        section>table{background:var(--card)}
        section:not(.map):not(.users)>table{border:1px solid var(--line);border-radius:10px;
        border-collapse:separate;border-spacing:0}
        section:not(.map):not(.users) td:first-child,section:not(.map):not(.users) th:first-child{
        padding-left:16px}
        .risk.back{background:none;color:var(--soft);font-weight:400}
        footer{color:var(--soft);font-size:12.5px;padding:2px 0 40px}
        footer p{margin:0 0 6px}
        @media screen and (max-width:760px){.in,main{padding:0 14px}
        .tiles{grid-template-columns:repeat(4,1fr)}
        .cols{grid-template-columns:1fr;gap:14px}.side{order:-1}h1{font-size:26px}
        .map,.users,.strip{overflow-x:auto}.trips{min-width:680px}summary{padding:12px 14px}
        .body{padding:2px 14px 12px}}
        @page{margin:14mm 12mm}
        @media print{:root{--bg:#fff;--card:#fff;--ink:#111820;--soft:#4f5a68;--line:#d5dae0;
        --wash:#f6f7f9;--top:#fff;--topink:#111820;--topsoft:#4f5a68;--link:#111820;--land:#dbe0e6;
        --sea:#f7f8fa;--coast:#c3cad3;--c5:#a50e3b;--c4:#cf4310;--c3:#a66f00;--c2:#2866a8;--c1:#6a7482;
        --ok:#2b7a4b;--w5:#fbeaf0;--w4:#fdefe8;--w3:#fbf3df;--w2:#e9f1fa;--w1:#eff1f4;
        color-scheme:light}
        body{zoom:.78}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .in,main{max-width:none;padding:0}main{margin-top:16px}.top{padding:0}
        details::details-content{content-visibility:visible;height:auto}
        .alert{box-decoration-break:clone;-webkit-box-decoration-break:clone}
        summary::after{display:none}
        .tile,.strip,.map svg,.alert,tr{break-inside:avoid}section{margin-bottom:20px}
        h2,h3,summary,.sum,.says,.rule{break-after:avoid}a{text-decoration:none}
        .cols{gap:18px}}
        """
}
