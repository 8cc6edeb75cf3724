import SessionModel
import Testing

@testable import Intake

struct FormatTests {
    // MARK: - sshd

    /// A message, and what the record says; nil when it is skipped.
    static let messages: [(String, String?)] = [
        (
            "Accepted password for fztu from 119.137.62.142 port 49116 ssh2",
            "user.id=fztu user.name=fztu session.id=host/77/119.137.62.142/49116 ip=119.137.62.142 "
                + "application=ssh event=login outcome=success auth.method=password"
        ),
        (
            "Accepted publickey for bob from 2001:db8::7 port 22 ssh2: ED25519 SHA256:abc+/9 ID x (serial 1)",
            "user.id=bob user.name=bob session.id=host/77/2001:db8::7/22 device.id=SHA256:abc+/9 "
                + "ip=2001:db8::7 application=ssh event=login outcome=success auth.method=passkey"
        ),
        (
            "Accepted keyboard-interactive/pam for bob from 1.2.3.4 port 5 ssh2",
            "user.id=bob user.name=bob session.id=host/77/1.2.3.4/5 ip=1.2.3.4 application=ssh "
                + "event=login outcome=success auth.method=password"
        ),
        (
            "Failed password for root from 5.36.59.76 port 42393 ssh2",
            "user.id=root user.name=root ip=5.36.59.76 application=ssh event=login outcome=failure "
                + "auth.method=password"
        ),
        (
            "Failed none for invalid user 0 from 5.188.10.180 port 49811 ssh2",
            "user.id=0 user.name=0 ip=5.188.10.180 application=ssh event=login outcome=failure"
        ),
        // The name is the attacker's: it must not move the address.
        (
            "Failed password for invalid user x from 6.6.6.6 port 1 ssh2 from 1.2.3.4 port 5 ssh2",
            "user.id=x from 6.6.6.6 port 1 ssh2 user.name=x from 6.6.6.6 port 1 ssh2 ip=1.2.3.4 "
                + "application=ssh event=login outcome=failure auth.method=password"
        ),
        (
            "Failed password for invalid user x from 6.6.6.6 port 1 ssh2: y from 1.2.3.4 port 5 ssh2",
            "user.id=x from 6.6.6.6 port 1 ssh2: y user.name=x from 6.6.6.6 port 1 ssh2: y ip=1.2.3.4 "
                + "application=ssh event=login outcome=failure auth.method=password"
        ),
        (
            "Invalid user unknown from 52.80.34.196 port 22",
            "user.id=unknown ip=52.80.34.196 application=ssh event=login outcome=failure"
        ),
        ("Received disconnect from 1.2.3.4: 11: Bye Bye [preauth]", nil),
        ("pam_unix(sshd:session): session opened for user fztu by (uid=0)", nil),
        ("message repeated 2 times: [ pam_unix(sshd:auth): check pass]", nil),
        (
            "message repeated 2 times: [ message repeated 2 times: [ Invalid user a from 1.2.3.4]]",
            nil
        ),
    ]

    @Test("sshd's messages", arguments: messages)
    func sshd(message: String, fields: String?) throws {
        for header in [
            "Mar  1 08:15:30 host sshd[77]: ",
            "2026-03-01T09:15:30.5+01:00 host sshd-session[77]: ",
            "<38>1 2026-03-01T08:15:30Z host sshd 77 - - ",
        ] {
            let decoded = try decode(header + message + "\r\n", as: "sshd")
            #expect(decoded.rejects == [])
            #expect(decoded.skipped == (fields == nil ? 1 : 0))
            #expect(decoded.records.count == (fields == nil ? 0 : 1))
            if let fields, let record = decoded.records.first {
                #expect(record.hasPrefix("time=2026-03-01T08:15:30."))
                // A placeholder is no name, though it may be an account.
                #expect(record.dropFirst(30) == fields, "\(record)")
            }
        }
    }

    @Test("journald's JSON is sshd too")
    func journald() throws {
        let line =
            #"{"__REALTIME_TIMESTAMP":"1772352930120456","_HOSTNAME":"host","_PID":"77","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Accepted password for bob from 1.2.3.4 port 5 ssh2","_COMM":"sshd"}"#
        let other =
            #"{"__REALTIME_TIMESTAMP":"1772352930120456","_HOSTNAME":"host","_PID":"78","SYSLOG_IDENTIFIER":"sudo","MESSAGE":"Accepted password for bob from 1.2.3.4 port 5 ssh2"}"#
        let scratch = Scratch()
        let decoded = try readAll(scratch.write("a", "\(line)\n\(other)\n{\n"), withPlaces: false)
        #expect(
            decoded.records == [
                "time=2026-03-01T08:15:30.120Z user.id=bob user.name=bob session.id=host/77/1.2.3.4/5 "
                    + "ip=1.2.3.4 application=ssh event=login outcome=success auth.method=password"
            ])
        #expect(decoded.skipped == 1)
        #expect(decoded.rejects.map(\.line) == [3])
    }

    @Test(
        "a repeated message is as many records, a hundred at most",
        arguments: [("1", 1), ("5", 5), ("100", 100), ("101", 100), ("99999999999", 100)])
    func repeated(times: String, records: Int) throws {
        let scratch = Scratch()
        let path = scratch.write(
            "a",
            "Mar  1 08:15:30 host sshd[77]: message repeated \(times) times: [ Failed password for root from 1.2.3.4 port 5 ssh2]\n"
        )
        let decoded = try readAll(path, format: .fixed(try FormatCatalog.named("sshd")))
        #expect(decoded.records.count == records)
        #expect(Set(decoded.records).count == records, "each has a hash of its own")
    }

    @Test("other programs are skipped and other lines refused")
    func otherLines() throws {
        let text = """
            Mar  1 08:15:30 host sudo: bob : TTY=pts/0
            Mar  1 08:15:30 host last message repeated 2 times
            Mar  1 08:15:30 host sshd[1]: Invalid user  from 1.2.3.4
            Mar  1 08:15:30 host sshd[1]: Invalid user a from bad.host
            Feb 30 08:15:30 host sshd[1]: Invalid user a from 1.2.3.4
            hello

            """
        let decoded = try decode(text, as: "sshd")
        #expect(decoded.records == [])
        #expect(decoded.skipped == 2)
        #expect(decoded.rejects.map(\.line) == [3, 4, 5, 6])
        #expect(decoded.rejects[0].reason.contains("stands for no user"))
        #expect(decoded.rejects[1].reason.contains("not an address"))
        #expect(decoded.rejects[2].reason.contains("time"))
        #expect(decoded.rejects[3].reason.contains("does not begin as a line of sshd"))
    }

    // MARK: - Others

    @Test("CloudTrail's console sign-ins are records, other calls are skipped")
    func cloudTrail() throws {
        func event(_ name: String, _ rest: String) -> String {
            #"{"eventSource":"signin.amazonaws.com","eventName":"\#(name)","eventTime":"2026-03-01T00:00:00Z","eventID":"x","recipientAccountId":"12","sourceIPAddress":"1.2.3.4","userAgent":"UA",\#(rest)}"#
        }
        let good =
            #""userIdentity":{"type":"IAMUser","principalId":"AID1","arn":"arn:1","userName":"bob"},"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"Yes"}"#
        let failed =
            #""userIdentity":{"type":"IAMUser","principalId":"AID1","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"},"responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"MFAUsed":"No"}"#
        let nobody =
            #""userIdentity":{"type":"IAMUser","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"},"responseElements":{"ConsoleLogin":"Failure"}"#
        let text =
            "{\"Records\":[\(event("ConsoleLogin", good)),\n \(event("GetUser", good)) ,\(event("ConsoleLogin", failed)),\(event("ConsoleLogin", nobody))]}"
        let scratch = Scratch()
        let decoded = try readAll(scratch.write("a", text), withPlaces: false)
        #expect(
            decoded.records == [
                "time=2026-03-01T00:00:00.000Z id=x tenant=12 user.id=AID1 user.name=bob ip=1.2.3.4 "
                    + "user_agent=UA application=AWS console event=login outcome=success auth.method=mfa",
                "time=2026-03-01T00:00:00.000Z id=x tenant=12 user.id=AID1 ip=1.2.3.4 user_agent=UA "
                    + "application=AWS console event=login outcome=failure auth.method=password",
            ])
        #expect(decoded.skipped == 2)
        #expect(decoded.rejects == [])
    }

    static let audit =
        #"{"CreationTime":"2026-03-01T00:00:00","Id":"i","Operation":"UserLoggedIn","OrganizationId":"t","Workload":"AzureActiveDirectory","ClientIP":"[2603:10a6::1]:567","UserId":"a@b.c","ExtendedProperties":[{"Name":"x","Value":"y"},{"Value":"Mozilla\/5.0 \"q\"","Name":"UserAgent"}],"DeviceProperties":[{"Name":"SessionId","Value":"s"},{"Name":"Id","Value":"d"}],"ApplicationId":"app"}"#

    @Test("Microsoft 365 as CSV and as JSON lines is the same")
    func audit365() throws {
        let record =
            "time=2026-03-01T00:00:00.000Z id=i tenant=t user.id=a@b.c user.name=a@b.c session.id=s "
            + "device.id=d ip=2603:10a6::1 user_agent=Mozilla/5.0 \"q\" application=app event=login "
            + "outcome=success"
        let other = FormatTests.audit.replacing("UserLoggedIn", with: "Set-Mailbox")
        let nobody = FormatTests.audit.replacing("a@b.c", with: "Not Available")
        let nowhere =
            #"{"CreationTime":"2026-03-01T00:00:00","Id":"i","Operation":"Change user password.","Workload":"w","UserId":"a"}"#
        let lines = [FormatTests.audit, other, nobody, nowhere]
        func cell(_ text: String) -> String { "\"\(text.replacing("\"", with: "\"\""))\"" }
        let csv =
            "\u{FEFF}\"CreationDate\",\"UserIds\",\"AuditData\"\r\n"
            + lines.map { "\"3/24/2021 2:39:56 AM\",\"a,\nb\",\(cell($0))\r\n" }.joined()
        let scratch = Scratch()
        for path in [scratch.write("a", csv), scratch.write("b", lines.joined(separator: "\n"))] {
            let decoded = try readAll(path, withPlaces: false)
            #expect(decoded.records == [record])
            #expect(decoded.skipped == 3)
            #expect(decoded.rejects == [])
        }
    }

    @Test(
        "addresses as Microsoft writes them",
        arguments: [
            ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:567", "1.2.3.4"), ("[2603::1]:567", "2603::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ])
    func addresses(written: String, read: String) throws {
        let line = FormatTests.audit.replacing("[2603:10a6::1]:567", with: written)
        #expect(try decode(line, as: "m365-audit").records.first?.contains(" ip=\(read) ") == true)
    }

    @Test("the risk-based authentication data set")
    func rba() throws {
        let text = """
            index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover
            2,2020-02-03 12:43:55.873,-3284137479262433373,,81.167.144.58,NO,Vestland,Urangsvag,29695,"Mozilla/5.0  (iPad, like Gecko",Android,iOS 7.1,mobile,True,False,False

            """
        let scratch = Scratch()
        #expect(
            try readAll(scratch.write("a", text)).records == [
                "2@\(text.utf8.count)#0 time=2020-02-03T12:43:55.873Z id=2 user.id=-3284137479262433373 "
                    + "ip=81.167.144.58 user_agent=Mozilla/5.0  (iPad, like Gecko event=login "
                    + "outcome=success"
            ])
    }

    // MARK: - Which format

    @Test("nothing that is known is said so, with 65")
    func unknown() throws {
        let scratch = Scratch()
        for text in ["hello\nworld\n", "{\"a\":1}\n", "a,b\n1,2\n", "[1,2]"] {
            do {
                _ = try readAll(scratch.write("a", text))
                Issue.record("\(text) was taken")
            } catch let error as IntakeError {
                #expect(error.exitCode == 65)
                #expect(error.description.contains("native, m365-audit, cloudtrail, sshd, rba"))
            }
        }
    }

    @Test("auto says what it took, bad lines among the first or not")
    func note() throws {
        let scratch = Scratch()
        let path = scratch.write("a", "{\n\(native(1))\n{}\n\(native(2))\n")
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        #expect(reader.format.name == "native")
        #expect(reader.formatNote == "\(path): taken as native (2 of its first 4 records fit)")
        let decoded = try readAll(path)
        #expect(decoded.rejects.map(\.line) == [1, 3])
    }

    @Test("every built-in format is sound, documented and named alike")
    func builtIn() throws {
        for format in FormatCatalog.builtIn {
            #expect(try FormatCatalog.named(format.name) == format)
            #expect(!format.description.isEmpty)
            #expect(try FormatCatalog.text(named: format.name).contains("name: \(format.name)"))
        }
        #expect(
            throws: IntakeError.noSuchFormat(
                name: "nativ", nearest: "native", known: FormatCatalog.names)
        ) {
            try FormatCatalog.named("nativ")
        }
    }
}
