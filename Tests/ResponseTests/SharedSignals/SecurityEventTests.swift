import Foundation
import SessionModel
import Testing

@testable import Response

private let caep = "https://schemas.openid.net/secevent/caep/event-type/"
private let risc = "https://schemas.openid.net/secevent/risc/event-type/"

extension PlannedAction {
    /// A step with the data that the planner gives it.
    static func signal(
        _ kind: Rung, user: String = "u1", name: String = "ann@example.com",
        session: String = "s1", severity: String = "critical"
    ) -> PlannedAction {
        var action = PlannedAction.step(kind, user: user, name: name, session: session)
        action.alertID = "a-1"
        action.id = "act-0123456789abcdef"
        action.data = #"""
            {"alert":{"severity":"\#(severity)","title":"Impossible travel","rules":["impossible-travel","new-country"]}}
            """#
        return action
    }
}

struct SecurityEventTests {
    static let maker = SecurityEventMaker(
        userFormat: .issuerAndSubject, subjectIssuer: "https://idp.example.com")
    static let user = #"{"format":"iss_sub","iss":"https://idp.example.com","sub":"u1"}"#
    static let session =
        #"{"format":"complex","user":\#(user),"session":{"format":"opaque","id":"s1"}}"#
    /// `epoch` in seconds.
    static let now = 1_800_000_000

    /// A step, its session, and the subject and events that are sent.
    static let events: [(Rung, String, String, String)] = [
        (
            .logOutSession, "s1", session,
            #"{"\#(caep)session-revoked":{"event_timestamp":\#(now),"initiating_entity":"policy","reason_admin":{"en":"Impossible travel: impossible-travel, new-country"},"reason_user":{"en":"You were signed out because a session looked unusual."}}}"#
        ),
        (
            .logOutEverywhere, "s1", user,
            #"{"\#(caep)session-revoked":{"event_timestamp":\#(now),"initiating_entity":"policy","reason_admin":{"en":"Impossible travel: impossible-travel, new-country"},"reason_user":{"en":"You were signed out because a session looked unusual."}}}"#
        ),
        (
            .requirePasswordChange, "s1", user,
            #"{"\#(risc)account-credential-change-required":{}}"#
        ),
        (.suspend, "", user, #"{"\#(risc)account-disabled":{"reason":"hijacking"}}"#),
        (
            .stepUp, "s1", session,
            #"{"\#(caep)risk-level-change":{"principal":"SESSION","current_level":"HIGH","risk_reason":"impossible-travel, new-country","event_timestamp":\#(now),"initiating_entity":"policy"}}"#
        ),
        (
            .notify, "", user,
            #"{"\#(caep)risk-level-change":{"principal":"USER","current_level":"HIGH","risk_reason":"impossible-travel, new-country","event_timestamp":\#(now),"initiating_entity":"policy"}}"#
        ),
    ]

    @Test("each step is one event, and the claims are the profile's", arguments: events.indices)
    func claims(index: Int) throws {
        let (kind, session, subject, events) = Self.events[index]
        let event = try Self.maker.event(of: .signal(kind, session: session), at: epoch)
        let claims = event.claims(
            issuer: "https://monitor.example.com", audience: ["https://sp.example.com"], at: epoch)
        #expect(
            claims == #"""
                {"iss":"https://monitor.example.com","jti":"act-0123456789abcdef","iat":\#(Self.now),"aud":"https://sp.example.com","txn":"a-1","sub_id":\#(subject),"events":\#(events)}
                """#)
        let value = try #require(JSONValue(Array(claims.utf8)))
        #expect(value["sub"] == nil && value["exp"] == nil)
    }

    @Test("a subject in the event too, for receivers of an older draft")
    func nested() throws {
        let event = try Self.maker.event(of: .signal(.requirePasswordChange), at: epoch)
        let claims = event.claims(issuer: "i", audience: ["a", "b"], at: epoch, nestsSubject: true)
        #expect(claims.contains(#""aud":["a","b"]"#))
        #expect(claims.contains(#"change-required":{"subject":{"user":\#(Self.user)}}"#))
        let revoked = try Self.maker.event(of: .signal(.logOutSession), at: epoch)
            .claims(issuer: "i", audience: ["a"], at: epoch, nestsSubject: true)
        #expect(revoked.contains(#"revoked":{"subject":\#(Self.session),"event_timestamp""#))
        #expect(JSONValue(Array(revoked.utf8)) != nil)
    }

    @Test("what has an inverse is taken back by it, under an id of its own")
    func undone() throws {
        let enabled = try Self.maker.event(of: .signal(.suspend), isUndone: true, at: epoch)
        #expect(enabled.type == .accountEnabled)
        #expect(enabled.id == "act-0123456789abcdef-undone")
        let lowered = try Self.maker.event(
            of: .signal(.stepUp, severity: "medium"), isUndone: true, at: epoch)
        #expect(lowered.members.contains(#""current_level":"LOW","previous_level":"MEDIUM""#))
        #expect(throws: SecurityEventMaker.Refusal.self) {
            try Self.maker.event(of: .signal(.logOutSession), isUndone: true, at: epoch)
        }
    }

    @Test(
        "levels are CAEP's three",
        arguments: [
            ("critical", "HIGH"), ("high", "HIGH"), ("medium", "MEDIUM"), ("low", "LOW"),
            ("", "LOW"),
        ])
    func levels(severity: String, level: String) throws {
        let event = try Self.maker.event(of: .signal(.stepUp, severity: severity), at: epoch)
        #expect(event.members.contains(#""current_level":"\#(level)""#))
    }

    @Test("a user by e-mail or an opaque id; who has no address is refused")
    func formats() throws {
        var maker = Self.maker
        maker.userFormat = .email
        let event = try maker.event(of: .signal(.suspend), at: epoch)
        #expect(event.subject == #"{"format":"email","email":"ann@example.com"}"#)
        let byID = try maker.event(of: .signal(.suspend, user: "bob@x.org", name: ""), at: epoch)
        #expect(byID.subject == #"{"format":"email","email":"bob@x.org"}"#)
        for name in ["", "ann", "@x", "x@"] {
            #expect(throws: SecurityEventMaker.Refusal.self) {
                try maker.event(of: .signal(.suspend, name: name), at: epoch)
            }
        }
        maker.userFormat = .opaque
        let opaque = try maker.event(of: .signal(.suspend, user: "a\"b\n"), at: epoch)
        #expect(opaque.subject == #"{"format":"opaque","id":"a\"b\n"}"#)
    }

    @Test("no user, no session to log out of, no event for the step: refused")
    func refused() {
        for action in [
            PlannedAction.signal(.suspend, user: ""), .signal(.logOutSession, session: ""),
            .signal(.logOutOthers),
        ] {
            #expect(throws: SecurityEventMaker.Refusal.self) {
                try Self.maker.event(of: action, at: epoch)
            }
        }
    }

    /// Subjects, and whether leaving the first out leaves the second out.
    static let matches: [(String, String, Bool)] = [
        (user, user, true), (session, session, true), (user, session, true),
        (#"{"format":"opaque","id":"u1"}"#, user, false),
        (#"{"sub":"u1","iss":"https://idp.example.com","format":"iss_sub"}"#, user, true),
        (#"{"format":"complex","session":{"format":"opaque","id":"s1"}}"#, session, true),
        (#"{"format":"complex","session":{"format":"opaque","id":"s2"}}"#, session, false),
        (
            #"{"format":"complex","tenant":{"format":"opaque","id":"t"},"user":\#(user)}"#, session,
            true
        ),
    ]

    @Test("subjects match as SSF 1.0, 8.1.3.1 has it", arguments: matches.indices)
    func matching(index: Int) throws {
        let (one, other, isMatch) = Self.matches[index]
        let a = try #require(JSONValue(Array(one.utf8)))
        let b = try #require(JSONValue(Array(other.utf8)))
        #expect(SignalSubject.matches(a, b) == isMatch)
        #expect(SignalSubject.matches(b, a) == isMatch)
    }

    static let python = Program.find("python3", also: ["/root/.pyenv/shims", "/usr/local/bin"])
    static let hasVerifier: Bool = {
        guard let python else { return false }
        return (try? Program.run([python, "-c", "import joserfc"]))?.status == 0
    }()

    @Test(
        "a verifier written by others (joserfc) takes the tokens by the published keys",
        .enabled(if: hasVerifier, "python3 with joserfc is not installed"),
        arguments: SigningKey.Algorithm.allCases)
    func verified(algorithm: SigningKey.Algorithm) throws {
        let signer = SignalSigner(
            [try SigningKey(algorithm), try SigningKey(.es256)], keyID: "2026-11")
        let claims = try Self.maker.event(of: .signal(.logOutSession), at: epoch)
            .claims(issuer: "https://monitor.example.com", audience: ["a"], at: epoch)
        let token = try #require(signer.token(claims))
        let program = """
            import json, sys
            from joserfc import jws
            from joserfc.jwk import KeySet
            given = json.load(sys.stdin)
            keys = KeySet.import_key_set(given["jwks"])
            found = jws.deserialize_compact(
                given["token"], keys, algorithms=["RS256", "ES256"])
            print(json.dumps(found.headers(), sort_keys=True))
            print(found.payload.decode())
            """
        var json = JSONText()
        json.object {
            $0.raw("jwks", signer.jwks)
            $0.string("token", token)
        }
        let result = try Program.run([Self.python!, "-c", program], input: json.text)
        #expect(result.status == 0, "\(result.output)")
        #expect(
            result.output == #"""
                {"alg": "\#(algorithm.rawValue)", "kid": "2026-11", "typ": "secevent+jwt"}
                \#(claims)

                """#)
        let forged = try Program.run(
            [Self.python!, "-c", program],
            input: json.text.replacingOccurrences(of: token, with: token.dropLast(8) + "AAAAAAAA"))
        #expect(forged.status != 0)
    }
}
