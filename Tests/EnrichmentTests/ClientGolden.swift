import SessionModel

extension Clients {
    /// The keys of scheme 1. The list may grow; a row that is here never changes.
    static let golden: [Golden] = [
        Golden(
            "Chrome on Windows", .desktop, 8015234754659349833,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        ),
        Golden(
            "Edge on Windows", .desktop, 2843930863467328224,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763"
        ),
        Golden(
            "Firefox on Windows", .desktop, 18309211507783987246,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/119.0"),
        Golden(
            "Firefox on Linux", .desktop, 6413577616486599379,
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/118.0"),
        Golden(
            "Firefox on macOS", .desktop, 14991050839644419758,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.14; rv:69.0) Gecko/20100101 Firefox/69.0"),
        Golden(
            "Safari on macOS", .desktop, 7292610209477455367,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.2 Safari/605.1.15"
        ),
        Golden(
            "Chrome on macOS", .desktop, 17023845284296587943,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        ),
        Golden(
            "Safari on iPhone", .phone, 16983063626724385956,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"
        ),
        Golden(
            "Safari on iPad", .tablet, 17193469393521211290,
            "Mozilla/5.0 (iPad; CPU OS 12_5_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1"
        ),
        Golden(
            "Chrome on iPhone", .phone, 15421853774014739757,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1"
        ),
        Golden(
            "Firefox on iPhone", .phone, 2497991759239272751,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121.0 Mobile/15E148 Safari/605.1.15"
        ),
        Golden(
            "In-app browser on iPhone", .phone, 1624319632508526389,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
        ),
        Golden(
            "Chrome on Android", .phone, 5861179788897396207,
            "Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Mobile Safari/537.36"
        ),
        Golden(
            "Chrome on Android tablet", .tablet, 16741718527600705699,
            "Mozilla/5.0 (Linux; Android 9; SM-T720) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Safari/537.36"
        ),
        Golden(
            "In-app browser on Android", .phone, 8504451609250036012,
            "Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ1A.230105.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/109.0.5414.85 Mobile Safari/537.36"
        ),
        Golden(
            "Firefox on Android", .phone, 14040360582055438276,
            "Mozilla/5.0 (Android 10; Mobile; rv:84.0) Gecko/84.0 Firefox/84.0"),
        Golden(
            "Samsung Internet on Android", .phone, 11039589789900516374,
            "Mozilla/5.0 (Linux; Android 11; SAMSUNG SM-G973U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/14.2 Chrome/87.0.4280.141 Mobile Safari/537.36"
        ),
        Golden(
            "Edge on Android", .phone, 3343426511518111661,
            "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.144 Mobile Safari/537.36 EdgA/120.0.2210.84"
        ),
        Golden(
            "Opera on Windows", .desktop, 14585535472868237394,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0"
        ),
        Golden(
            "Internet Explorer on Windows", .desktop, 2958305113706953728,
            "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"),
        Golden(
            "Chrome on Linux", .desktop, 5871347079856693301,
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        ),
        Golden(
            "Chrome on Chrome OS", .desktop, 15138019577775115039,
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        ),
        Golden(
            "MyApp on Apple device", .unknown, 494206882622533516,
            "MyApp/33 CFNetwork/1408.0.4 Darwin/22.5.0"),
        Golden(
            "curl", .tool, 14777081434028503141,
            "curl/7.88.1"),
        Golden(
            "Wget", .tool, 7405659056612611970,
            "Wget/1.21.3"),
        Golden(
            "python-requests", .tool, 3022980596520043160,
            "python-requests/2.28.1"),
        Golden(
            "Go-http-client", .tool, 6609384165250800292,
            "Go-http-client/1.1"),
        Golden(
            "okhttp", .tool, 16194575106312401942,
            "okhttp/3.12.1"),
        Golden(
            "PostmanRuntime", .tool, 5319033384647564485,
            "PostmanRuntime/7.28.0"),
        Golden(
            "Acme-Sync", .unknown, 13311947729856576819,
            "Acme-Sync/1.0"),
        Golden(
            "stratus-red-team", .unknown, 139464081154354533,
            "stratus-red-team_01190e38-873e-4cc4-aede-7ceb7ffc2a4a"),
        Golden(
            "Microsoft WinRM Client", .tool, 12395437357247421624,
            "Microsoft WinRM Client"),
        Golden(
            "Outlook on Windows", .desktop, 1795199134698382367,
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)"),
        Golden(
            "Googlebot", .bot, 16416205049092612616,
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        Golden(
            "Headless Chrome on Linux", .tool, 15985962566344875117,
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0.6045.9 Safari/537.36"
        ),
        Golden(
            "PowerShell on Windows", .tool, 1732976268333071104,
            "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22621; en-US) PowerShell/7.3.9"),
        Golden(
            "In-app browser on iPad", .tablet, 5875787742313713748,
            "Mozilla/5.0 (iPad; CPU OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
        ),
        Golden(
            "Apple Mail on macOS", .desktop, 12530514995073301188,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        ),
        Golden(
            "Android app on Android", .unknown, 14429389825643046359,
            "Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F Build/PPR1.180610.011)"),
        Golden(
            "Samsung Internet on Tizen", .tv, 5872099302384195040,
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV Safari/537.36"
        ),
        Golden(
            "Chrome on TV", .tv, 6810504167909561758,
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager"
        ),
        Golden(
            "AppleTV11 on Apple TV", .tv, 8455074219870152456,
            "AppleTV11,1/11.1"),
        Golden(
            "Apple Watch App on Apple Watch", .unknown, 9918816247783331776,
            "atc/1.0 watchOS/5.2 model/Watch4,4 hwp/t8006 build/16T225 (6; dt:193)"),
        Golden(
            "Firefox on KaiOS", .phone, 15947473868348314004,
            "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5"),
        Golden(
            "Outlook on iPhone", .phone, 12366073720824982988,
            "Outlook-iOS/723.4027091.prod.iphone (4.28.0)"),
        Golden(
            "Outlook on Android", .unknown, 1853250488251435347,
            "Outlook-Android/2.0"),
        Golden(
            "Teams on Windows", .desktop, 12498813118105704197,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Teams/1.5.00.8070 Chrome/85.0.4183.121 Electron/10.4.3 Safari/537.36"
        ),
        Golden(
            "Thunderbird on Windows", .desktop, 5487221268990811482,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0"
        ),
        Golden(
            "aws-sdk-go on Linux", .tool, 9064645828977115992,
            "[APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) terraform-provider-aws/3.76.1 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go/1.44.157 (go1.19.3; linux; amd64) stratus-red-team_0362e208-cc47-4ba7-9c39-195518d6e937 HashiCorp-terraform-exec/0.17.3]"
        ),
        Golden(
            "aws-cli on Linux", .tool, 16514579392817662985,
            "aws-cli/2.13.5 Python/3.11.4 Linux/5.15.0 exe/x86_64.ubuntu.22 prompt/off command/s3.ls"
        ),
        Golden(
            "aws-sdk-java on Linux", .tool, 16874847951856477514,
            "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.783 Linux/4.9.217]"),
        Golden(
            "Boto3 on Linux", .tool, 2962698836921075282,
            "Boto3/1.26.3 Python/3.9.2 Linux/5.10 Botocore/1.29.3"),
        Golden(
            "BAV2ROPC", .unknown, 7727754914182271937,
            "BAV2ROPC"),
        Golden(
            "CBAInPROD", .unknown, 814596342261714385,
            "CBAInPROD"),
        Golden(
            "Opera Mini on Android", .phone, 4114604028479301377,
            "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16"
        ),
        Golden(
            "Facebook on Android", .phone, 5874587471705970429,
            "Mozilla/5.0 (Linux; Android 12; SM-S906N Build/QP1A.190711.020; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/80.0.3987.119 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/420.0.0.32.61;]"
        ),
        Golden(
            "Google app on iPhone", .phone, 13344506396726812494,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/270.0.540735018 Mobile/15E148 Safari/604.1"
        ),
        Golden(
            "Nmap Scripting Engine", .unknown, 18261613901124779367,
            "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"),
        Golden(
            "sqlmap", .tool, 17959325910679424345,
            "sqlmap/1.7.2#stable (https://sqlmap.org)"),
        Golden(
            "Apache-HttpClient", .tool, 15304504666684162719,
            "Apache-HttpClient/4.5.13 (Java/11.0.18)"),
        Golden(
            "Java", .tool, 16349794426480844888,
            "Java/17.0.6"),
        Golden(
            "MyApp on iPhone", .phone, 7701069434661034539,
            "MyApp/1.2 (iPhone; iOS 17.0; Scale/3.00)"),
        Golden(
            "Slackbot-LinkExpanding", .bot, 7309068515628023352,
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        Golden(
            "WhatsApp", .bot, 13270255513731593423,
            "WhatsApp/2.23.20.0 A"),
        Golden(
            "Epiphany on Linux", .desktop, 18374219985896799672,
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15 Epiphany/605.1.15"
        ),
        Golden(
            "Amazon Silk on Android tablet", .tablet, 8333444983482540098,
            "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.1.1 like Chrome/108.0.5359.160 Safari/537.36"
        ),
        Golden(
            "Unknown browser", .unknown, 9170214750130993,
            "Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15 (KHTML, like Gecko)"),
        Golden(
            "Microsoft Office", .unknown, 11204365498764803322,
            "Microsoft Office/16.0 (Macintosh; Outlook 16.80)"),
        Golden(
            "Edge on Windows Phone", .phone, 16336845265165994864,
            "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063"
        ),
    ]
}
