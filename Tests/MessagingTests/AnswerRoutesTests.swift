import Dispatch
import Foundation
import Response
import SessionModel
import StateStore
import Synchronization
import Testing

@testable import Messaging

/// What the server does with owners' links, on a state of its own.
struct AnswerRoutesTests {
    private static let now = Timestamp.at("2026-03-12T10:20:00Z")

    /// A state with one alert, and the routes over it.
    private struct Desk: Sendable {
        let folder: Folder
        let path: String
        let routes: AnswerRoutes
        let troubles = Troubles()

        final class Troubles: Sendable {
            let lines = Mutex<[String]>([])
        }

        init(status: Alert.Status = .open, now: Timestamp = AnswerRoutesTests.now) throws {
            folder = try Folder()
            path = "\(folder.path)/s.db"
            let store = try StateStore(path: path, waitSeconds: 0, holder: "a test")
            try store.commit { transaction in
                _ = try transaction.putAlertRevision(Alert.sample(revision: 2, status: status).row)
            }
            store.close()
            let troubles = troubles
            routes = AnswerRoutes(
                key: AnswerTokenTests.key, pages: AnswerPages(phraseBook: try .shipped()),
                statePath: path, clock: { now },
                failed: { line in
                    troubles.lines.withLock { $0.append(line) }
                })
        }

        func get(_ token: String, method: String = "GET", base: String = "") -> RouteResponse? {
            routes.answer(RouteRequest(method: method, path: "\(base)/answer/\(token)"))
        }

        func post(
            _ token: String, type: String? = "application/x-www-form-urlencoded",
            body: String? = nil
        ) -> RouteResponse? {
            routes.answer(
                RouteRequest(
                    method: "POST", path: "/answer/\(token)",
                    headers: type.map { ["content-type": $0] } ?? [:],
                    body: Array((body ?? "token=\(token)").utf8)))
        }

        func waiting() throws -> [WaitingVerdictRow] {
            let store = try StateStore(path: path, waitSeconds: 0, holder: "", readOnly: true)
            defer { store.close() }
            return try store.waitingVerdicts()
        }
    }

    private static func token(_ answer: OwnerAnswer, revision: Int = 2) -> AnswerToken {
        AnswerToken(
            alertID: "a-0123456789abcdef", revision: revision, answer: answer, language: "de",
            expires: .at("2026-03-19T10:20:00Z"))
    }

    private static func text(_ answer: OwnerAnswer, revision: Int = 2) -> String {
        token(answer, revision: revision).text(key: AnswerTokenTests.key)
    }

    @Test("opening a link changes nothing, however often and whoever opens it")
    func inert() throws {
        let desk = try Desk()
        for _ in 0..<50 {
            for method in ["GET", "HEAD"] {
                for base in ["", "/lastseen", "/a/b"] {
                    let page = try #require(
                        desk.get(Self.text(.notMine), method: method, base: base))
                    #expect(page.status == 200)
                    #expect(page.body.contains(#"<form method="post""#))
                }
            }
        }
        #expect(try desk.waiting().isEmpty)
        #expect(try Data(contentsOf: URL(fileURLWithPath: desk.path)).count > 0)
    }

    @Test("the button answers, once, in the link's language", arguments: OwnerAnswer.allCases)
    func answers(answer: OwnerAnswer) throws {
        let desk = try Desk()
        let text = Self.text(answer)
        let page = try #require(desk.post(text))
        #expect(page.status == 200)
        #expect(page.body.contains("Danke."))
        #expect(page.headers.contains("Cache-Control: no-store"))
        let row = try #require(try desk.waiting().first)
        #expect(row.verdict == answer.rawValue && row.alertID == "a-0123456789abcdef")
        #expect(row.actor == "owner" && row.revision == 2)
        #expect(row.link == Self.token(answer).id)
        #expect(row.givenMilliseconds == Self.now.milliseconds)
        let again = try #require(desk.post(text))
        #expect(again.status == 410)
        #expect(try desk.waiting().count == 1)
    }

    @Test("'not me' has the last word while both wait")
    func lastWord() throws {
        let desk = try Desk()
        #expect(desk.post(Self.text(.notMine))?.status == 200)
        let mine = try #require(desk.post(Self.text(.mine)))
        #expect(mine.body.contains("Sie haben schon gesagt"))
        #expect(try desk.waiting().map(\.verdict) == ["not-mine"])
        let other = try Desk()
        for answer in [OwnerAnswer.mine, .notMine] {
            #expect(other.post(Self.text(answer))?.status == 200)
        }
        #expect(try other.waiting().map(\.verdict) == ["mine", "not-mine"])
    }

    /// Where the alert stands, the answer, whether it is put down.
    static let standings: [(Alert.Status, OwnerAnswer, Bool)] = [
        (.open, .mine, true), (.amended, .mine, true), (.dismissed, .mine, true),
        (.confirmed, .mine, false), (.retracted, .mine, false), (.closed, .mine, false),
        (.open, .notMine, true), (.confirmed, .notMine, true), (.retracted, .notMine, true),
        (.dismissed, .notMine, true),
    ]

    @Test(
        "an alert that is over needs no 'this was me', and always hears 'this was not me'",
        arguments: standings.indices)
    func standing(index: Int) throws {
        let (status, answer, isTaken) = Self.standings[index]
        let desk = try Desk(status: status)
        #expect(desk.post(Self.text(answer))?.status == 200)
        #expect(try desk.waiting().count == (isTaken ? 1 : 0))
    }

    /// A body, its type, the answer's status.
    static let forms: [(String?, String?, Int)] = [
        ("", "application/x-www-form-urlencoded", 404),
        ("token=", "application/x-www-form-urlencoded", 404),
        ("token=%31.a", "application/x-www-form-urlencoded", 404),
        ("tokens=TOKEN", "application/x-www-form-urlencoded", 404),
        ("x=1&token=TOKEN&token=other", "application/x-www-form-urlencoded; charset=UTF-8", 200),
        ("token=TOKEN", "Application/X-WWW-Form-URLEncoded", 200),
        ("token=TOKEN", "text/plain", 404), ("token=TOKEN", nil, 404),
        (#"{"token":"TOKEN"}"#, "application/json", 404),
        (
            "token=TOKEN" + String(repeating: "A", count: 600), "application/x-www-form-urlencoded",
            404
        ),
        ("token=TOKEN\r\n", "application/x-www-form-urlencoded", 404),
    ]

    @Test("only the form's own body answers", arguments: forms.indices)
    func form(index: Int) throws {
        let (body, type, status) = Self.forms[index]
        let desk = try Desk()
        let text = Self.text(.notMine)
        let page = desk.post(text, type: type, body: body?.replacing("TOKEN", with: text))
        #expect(page?.status == status)
        #expect(try desk.waiting().count == (status == 200 ? 1 : 0))
    }

    @Test("a link that is changed, another's, expired, or of no alert takes nothing")
    func refused() throws {
        let desk = try Desk()
        let text = Self.text(.notMine)
        for bad in [
            "", ".", "x", String(text.dropLast()), text.replacing(".n.", with: ".m."), "..%2F",
        ] {
            for page in [desk.get(bad), desk.post(bad)] { #expect(page?.status == 404, "'\(bad)'") }
        }
        let late = try Desk(now: .at("2026-03-19T10:20:00Z"))
        for page in [late.get(text), late.post(text)] { #expect(page?.status == 410) }
        let none = AnswerToken(
            alertID: "a-ffffffffffffffff", revision: 1, answer: .notMine, language: "en",
            expires: .at("2026-03-19T10:20:00Z"))
        #expect(desk.post(none.text(key: AnswerTokenTests.key))?.status == 404)
        #expect(try desk.waiting().isEmpty && late.waiting().isEmpty)
    }

    @Test("other methods are refused, and other paths are another's")
    func elsewhere() throws {
        let desk = try Desk()
        let page = try #require(desk.get(Self.text(.mine), method: "DELETE"))
        #expect(page.status == 405 && page.headers.contains("allow: GET, HEAD, POST"))
        for path in ["/", "/answer", "/ssf/stream", "/answer/x/y", "answer/x", "/.well-known/x"] {
            #expect(desk.routes.answer(RouteRequest(method: "GET", path: path)) == nil, "\(path)")
        }
    }

    @Test("pressed by many at once it is taken once")
    func pressedTwice() throws {
        let desk = try Desk()
        let statuses = Mutex<[Int]>([])
        let text = Self.text(.notMine)
        DispatchQueue.concurrentPerform(iterations: 12) { _ in
            let status = desk.post(text)?.status ?? 0
            statuses.withLock { $0.append(status) }
        }
        #expect(statuses.withLock { $0.sorted() } == [200] + Array(repeating: 410, count: 11))
        #expect(try desk.waiting().count == 1)
    }

    @Test("beside a run that holds the state it is taken; without a state its giver may try again")
    func besideARun() throws {
        let desk = try Desk()
        let run = try StateStore(path: desk.path, waitSeconds: 0, holder: "a run")
        #expect(desk.post(Self.text(.notMine))?.status == 200)
        #expect(try run.waitingVerdicts().count == 1)
        run.close()
        let empty = try Desk()
        try FileManager.default.removeItem(atPath: empty.path)
        #expect(empty.post(Self.text(.notMine))?.status == 503)
        #expect(empty.troubles.lines.withLock { $0.count } == 1)
    }
}
