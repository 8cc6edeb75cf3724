import SessionModel
import Testing

@testable import Response

struct ActionPlannerTests {
    /// Risk, confidence, what the rules ask for; the state of the log-out and of the password change
    /// (nil when it is not planned at all).
    static let rungs: [(Int, Confidence, Rung, ActionState?, ActionState?)] = [
        (80, .likely, .logOutSession, .planned, nil),
        (79, .likely, .logOutSession, .notifyOnly, nil),
        (80, .possible, .logOutSession, .notifyOnly, nil),
        (100, .certain, .notify, nil, nil),
        (100, .certain, .stepUp, nil, nil),
        (89, .certain, .requirePasswordChange, .planned, .notifyOnly),
        (90, .certain, .requirePasswordChange, .planned, .planned),
        (95, .certain, .logOutEverywhere, .planned, nil),
        (95, .certain, .suspend, .planned, .planned),
    ]

    @Test("the rung, the risk and the confidence decide", arguments: rungs)
    func ladder(
        risk: Int, confidence: Confidence, rung: Rung, logOut: ActionState?, password: ActionState?
    ) throws {
        let planner = ActionPlanner(policy: try ResponsePolicy(isActing: true))
        let plan = planner.plan(for: .sample(risk: risk, rung: rung, confidence: confidence))
        #expect(plan.first { $0.kind == .logOutSession }?.state == logOut)
        #expect(plan.first { $0.kind == .requirePasswordChange }?.state == password)
        for action in plan where action.state == .notifyOnly {
            #expect(!action.note.isEmpty)
            #expect(action.connector.isEmpty)
        }
    }

    /// A rung, where the policy ends, and what becomes of its own step.
    static let own: [(Rung, Rung, ActionState)] = [
        (.stepUp, .requirePasswordChange, .planned), (.logOutOthers, .suspend, .planned),
        (.logOutEverywhere, .suspend, .waiting), (.suspend, .suspend, .waiting),
        (.suspend, .requirePasswordChange, .notifyOnly),
    ]

    @Test("each rung has a step of its own, and those that weigh most wait", arguments: own)
    func ownSteps(rung: Rung, highest: Rung, state: ActionState) throws {
        let planner = ActionPlanner(
            policy: try ResponsePolicy(isActing: true, highestRung: highest))
        let step = try #require(planner.plan(for: .sample(rung: rung)).first { $0.kind == rung })
        #expect(step.state == state)
        #expect(step.note.isEmpty == (state == .planned))
    }

    @Test("nothing is sent until acting is switched on")
    func dryRun() throws {
        let plan = ActionPlanner(policy: try ResponsePolicy()).plan(for: .sample())
        #expect(plan.map(\.state) == [.dryRun, .dryRun])
        #expect(plan.map(\.kind) == [.logOutSession, .requirePasswordChange])
        #expect(plan.map(\.target) == ["session s1", "user u1"])
        #expect(plan.allSatisfy { !$0.state.isOpen })
    }

    @Test("ids are of alert, kind and target, and never change")
    func ids() throws {
        let acting = ActionPlanner(policy: try ResponsePolicy(isActing: true))
        let plan = acting.plan(for: .sample())
        #expect(plan == acting.plan(for: .sample()))
        var amended = Alert.sample(risk: 99)
        amended.revision = 2
        #expect(acting.plan(for: amended).map(\.id) == plan.map(\.id))
        #expect(acting.plan(for: .sample(id: "a-2")).map(\.id) != plan.map(\.id))
        for action in plan {
            #expect(action.id.hasPrefix("act-"))
            #expect(action.id.utf8.count == 20)
            #expect(action.id.utf8.dropFirst(4).allSatisfy { "0123456789abcdef".utf8.contains($0) })
        }
        // Joined fields must not run into each other.
        #expect(
            PlannedAction.id(alertID: "a", kind: .notify, target: "bc")
                != PlannedAction.id(alertID: "ab", kind: .notify, target: "c"))
    }

    /// Entries of the list; user id; user name; whether protected.
    static let users: [([String], String, String, Bool)] = [
        (["u1"], "u1", "ann", true),
        (["U1"], "u1", "ann", true),
        (["ANN@example.com"], "u1", "ann@example.com", true),
        (["u"], "u1", "ann", false),
        (["u*"], "u1", "ann", true),
        (["svc-*"], "u1", "svc-backup", true),
        (["svc-*"], "u1", "xsvc-backup", false),
        (["# u1", "", "  "], "u1", "ann", false),
        (["  u1\t"], "u1", "ann", true),
        ([], "u1", "", false),
    ]

    @Test("protected users are left to a person", arguments: users)
    func protectedUsers(entries: [String], id: String, name: String, isProtected: Bool) throws {
        let policy = try ResponsePolicy(isActing: true, protectedUsers: ProtectedUsers(entries))
        let plan = ActionPlanner(policy: policy).plan(for: .sample(userID: id, userName: name))
        #expect(plan.count == 2)
        #expect(plan.allSatisfy { ($0.state == .notifyOnly) == isProtected })
    }

    @Test("protecting everybody by a star is refused")
    func protectAll() {
        #expect(throws: ResponseError.self) { try ProtectedUsers(["*"]) }
        #expect(throws: ResponseError.self) {
            try ProtectedUsers([String(repeating: "x", count: TextLimit.userID + 1)])
        }
    }

    @Test(
        "settings out of range are refused",
        arguments: [(-1, false), (0, true), (100, true), (101, false)])
    func range(risk: Int, isRight: Bool) {
        #expect(((try? ResponsePolicy(actRisk: risk)) != nil) == isRight)
        #expect(((try? ResponsePolicy(passwordRisk: risk)) != nil) == isRight)
    }

    @Test("only the suspect's sessions are ended, each once")
    func sessions() throws {
        let planner = ActionPlanner(policy: try ResponsePolicy(isActing: true))
        let plan = planner.plan(
            for: .sample(otherSessionIDs: ["s2", "s1", "", "s2"], rung: .logOutSession))
        #expect(plan.map(\.target) == ["session s1", "session s2"])
        let none = planner.plan(for: .sample(sessionID: "", rung: .logOutSession))
        #expect(none.map(\.state) == [.notifyOnly])
        #expect(planner.plan(for: .sample(status: .retracted)).isEmpty)
    }

    @Test("the highest rung of the policy is kept to")
    func highestRung() throws {
        let policy = try ResponsePolicy(isActing: true, highestRung: .logOutSession)
        let plan = ActionPlanner(policy: policy).plan(for: .sample())
        #expect(plan.map(\.state) == [.planned, .notifyOnly])
    }

    @Test("the message is one object with escaped texts, below the size advised for webhooks")
    func message() throws {
        let planner = ActionPlanner(policy: try ResponsePolicy(isActing: true))
        let plain = planner.plan(for: .sample())[0]
        let expected = """
            {"type":"session.logout_requested","timestamp":"2026-03-01T08:15:00.000Z",\
            "data":{"action_id":"\(plain.id)","kind":"log-out-session","tenant":"acme",\
            "user":{"id":"u1","name":"ann@example.com"},"session":{"id":"s1"},\
            "device":{"id":"d1","label":"Chrome on Windows"},\
            "place":{"city":"Oslo","country":"NO"},"network":{"address":"81.2.69.142","asn":64500},\
            "last_seen":"2026-03-01T08:15:00.000Z",\
            "alert":{"id":"a-0123456789abcdef","risk":95,"severity":"critical",\
            "title":"Impossible travel","summary":"Too far.","rules":["impossible-travel"]}}}
            """
        #expect(ActionMessage.body(of: plain) == expected)

        let worst = { String(repeating: "\u{1}", count: $0) }
        let huge = planner.plan(
            for: .sample(
                userID: worst(TextLimit.userID), userName: worst(5000),
                sessionID: worst(TextLimit.sessionID), deviceID: worst(TextLimit.deviceID),
                deviceLabel: worst(5000), place: Place(city: worst(5000), country: worst(5000)),
                network: Network(address: worst(5000)),
                rules: (0..<100).map { "r\($0)" + worst(100) }, title: worst(5000),
                summary: worst(5000)))
        for action in huge { #expect(ActionMessage.body(of: action).utf8.count < 24_000) }

        let hostile = planner.plan(for: .sample(userName: "a\"b\\c\nd\u{7F}\u{2028}é"))[0]
        #expect(hostile.data.contains(#""name":"a\"b\\c\nd\u007f\u2028é""#))
    }
}
