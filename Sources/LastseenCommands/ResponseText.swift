import Publishing
import Response
import SessionModel

/// What became of actions, in words.
enum ResponseText {
    /// `log-out-session of session s1 (ann)`.
    static func name(_ action: PlannedAction) -> String {
        let who = action.userName.isEmpty ? action.userID : action.userName
        let user = action.sessionID.isEmpty ? "" : " of \(SafeText.visible(who, limit: 100))"
        return "\(action.kind.name): \(SafeText.visible(action.target, limit: 300))\(user)"
    }

    /// One line about an action that a run touched.
    static func line(_ line: ApplyReport.Line) -> String {
        let detail = line.detail.isEmpty ? "" : ": \(SafeText.visible(line.detail))"
        let next = line.nextTry.map { ", tried again from \($0.humanReadable) on" } ?? ""
        return "\(name(line.action)): \(line.action.state.rawValue)\(detail)\(next)"
    }

    /// How many actions were left, and why: a line each.
    static func waiting(_ report: ApplyReport) -> [String] {
        WaitReason.allCases.compactMap { reason in
            report.waiting[reason].map { "\(counted($0, "action")) left: \(reason.rawValue)" }
        }
    }

    /// Only what a person should know of: nothing when all went well.
    static func troubles(_ report: ApplyReport) -> [String] {
        let ends = report.lines.filter { ended.contains($0.action.state) }
        let again = report.lines.filter {
            $0.action.state == .retrying || $0.action.state == .unanswered
        }
        let expected: Set<WaitReason> = [
            .notDue, .order, .quiet, .breakerOpen, .groupsUnreadable,
        ]
        var left = report
        left.waiting = left.waiting.filter { !expected.contains($0.key) }
        let later = again.map(line) + waiting(left)
        var all = (report.stop.isEmpty ? [] : [report.stop]) + ends.map(line)
        if !ends.isEmpty {
            all.append(
                "\(counted(ends.count, "action")) FAILED and \(ends.count == 1 ? "needs" : "need") a"
                    + " person: 'lastseen respond status --verbose' has them")
        }
        if !later.isEmpty {
            all += later
            all.append("nothing of that is lost: 'lastseen respond status' shows the outbox")
        }
        return all
    }

    /// In which an action is not done and is not tried again.
    static let ended: Set<ActionState> = [.refused, .failed, .dead, .unknown]

    /// What was done, of whom: `logged out session s1 of ann`.
    private static func deed(_ action: PlannedAction) -> String {
        let who = SafeText.visible(
            action.userName.isEmpty ? action.userID : action.userName, limit: 100)
        return switch action.kind {
        case .notify: "notified of \(who)"
        case .stepUp: "required \(who) to sign in anew"
        case .logOutSession:
            "logged out session \(SafeText.visible(action.sessionID, limit: 300)) of \(who)"
        case .logOutOthers: "logged out the other sessions of \(who)"
        case .logOutEverywhere: "logged out all sessions of \(who)"
        case .requirePasswordChange: "required \(who) to change the password"
        case .suspend: "suspended \(who)"
        }
    }

    /// Where it was done, if there can be several.
    private static func place(_ action: PlannedAction) -> String {
        let isOnly = ConnectorKind.allValueStrings.contains(action.connector)
        return isOnly || action.connector.isEmpty
            ? "" : " at \(SafeText.visible(action.connector, limit: 64))"
    }

    /// ` What stays: access tokens, until they expire.`
    private static func surviving(_ action: PlannedAction) -> String {
        action.survives.isEmpty
            ? "" : "; what stays: \(SafeText.visible(action.survives, limit: 160))"
    }

    /// A line for each action that was done: `Done: logged out session s1 of ann`.
    static func successes(_ report: ApplyReport) -> [String] {
        report.lines.filter { $0.action.state == .done || $0.action.state == .alreadySo }.map {
            "Done: \(deed($0.action))\(place($0.action))"
                + ($0.action.state == .alreadySo ? " (it was so already)" : "")
                + surviving($0.action)
        }
    }
}
