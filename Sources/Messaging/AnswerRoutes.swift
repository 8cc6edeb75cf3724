public import Response
public import SessionModel
public import StateStore

/// Serves the pages behind owners' links, and takes their answers into the state.
///
/// GET and HEAD show a page and change nothing; POST with the link's token in the form answers. An
/// answer is put down beside whatever run holds the state (`WaitingVerdictRow`): what it means for
/// the user's profile is for the next run, or within a second for the one that goes on.
public struct AnswerRoutes: RouteHandler {
    private let key: AnswerKey
    private let pages: AnswerPages
    private let statePath: String
    private let clock: @Sendable () -> Timestamp
    private let failed: @Sendable (String) -> Void

    /// - Parameters:
    ///   - statePath: opened anew for each answer, so that it may be made or replaced meanwhile.
    ///   - clock: wall time.
    ///   - failed: told why an answer could not be taken; its giver is asked to try again.
    public init(
        key: AnswerKey, pages: AnswerPages, statePath: String,
        clock: @escaping @Sendable () -> Timestamp, failed: @escaping @Sendable (String) -> Void
    ) {
        self.key = key
        self.pages = pages
        self.statePath = statePath
        self.clock = clock
        self.failed = failed
    }

    /// Longer is no token of ours.
    private static let tokenLimit = 512

    public func answer(_ request: RouteRequest) -> RouteResponse? {
        guard let token = AnswerRoutes.token(inPath: request.path) else { return nil }
        switch request.method {
        case "GET", "HEAD": return question(token)
        case "POST": return take(request)
        default:
            var response = page(405, "")
            response.headers.append("allow: GET, HEAD, POST")
            return response
        }
    }

    /// The token behind `/answer/`, whatever comes before: the links' address may have a path that a
    /// proxy takes off, or does not.
    private static func token(inPath path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[parts.count - 2] == "answer" else { return nil }
        return String(parts[parts.count - 1])
    }

    private func page(_ status: Int, _ body: String) -> RouteResponse {
        RouteResponse(
            status, headers: AnswerPages.headers.map { "\($0.name): \($0.value)" }, body: body)
    }

    private func outcome(_ outcome: AnswerPages.Outcome, _ language: String) -> RouteResponse {
        page(outcome.status, pages.outcome(outcome, language: language))
    }

    private func question(_ text: String) -> RouteResponse {
        let token: AnswerToken
        do throws(AnswerToken.Refusal) {
            token = try AnswerToken.verify(text, key: key, now: clock())
        } catch {
            return outcome(error == .expired ? .expired : .invalid, "en")
        }
        return page(200, pages.question(token, text: text))
    }

    private func take(_ request: RouteRequest) -> RouteResponse {
        let type = request.headers["content-type"] ?? ""
        guard type.lowercased().hasPrefix("application/x-www-form-urlencoded"),
            let text = AnswerRoutes.field("token", ofForm: request.body)
        else { return outcome(.invalid, "en") }
        let now = clock()
        let token: AnswerToken
        do throws(AnswerToken.Refusal) {
            token = try AnswerToken.verify(text, key: key, now: now)
        } catch {
            return outcome(error == .expired ? .expired : .invalid, "en")
        }
        do {
            let store = try StateStore(besideRunAt: statePath)
            defer { store.close() }
            return outcome(try AnswerBox.put(token, in: store, now: now), token.language)
        } catch {
            failed("an owner's answer was not taken: \(error)")
            return outcome(.failed, token.language)
        }
    }

    /// A field of an `application/x-www-form-urlencoded` body; nil when it is not there, or no token.
    private static func field(_ name: String, ofForm body: [UInt8]) -> String? {
        let prefix = Array("\(name)=".utf8)
        for part in body.split(separator: 0x26) where part.starts(with: prefix) {
            let value = part.dropFirst(prefix.count)
            // A token has letters, digits, '-', '_' and '.', none of which a form encodes.
            guard value.count <= tokenLimit,
                value.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x25 && $0 != 0x2B })
            else { return nil }
            return String(decoding: value, as: UTF8.self)
        }
        return nil
    }
}

/// Where owners' answers wait for a run.
public enum AnswerBox {
    /// Puts an answer down, and says what its giver is told.
    ///
    /// - Parameter token: verified.
    public static func put(
        _ token: AnswerToken, in store: StateStore, now: Timestamp
    ) throws(StateError) -> AnswerPages.Outcome {
        guard let row = try store.alert(id: token.alertID) else { return .invalid }
        let used = try store.usedAnswers(alertID: token.alertID)
        let waiting = try store.waitingVerdicts(alertID: token.alertID).filter { !$0.link.isEmpty }
        if used.contains(where: { $0.id == token.id })
            || waiting.contains(where: { $0.link == token.id })
        {
            return .used
        }
        if token.answer == .mine {
            // "Not me" has the last word, as in `OwnerAnswering`.
            if used.contains(where: { $0.answer == OwnerAnswer.notMine.rawValue })
                || waiting.contains(where: { $0.verdict == OwnerAnswer.notMine.rawValue })
            {
                return .answered
            }
            switch Alert.Status(rawValue: row.status) {
            case .confirmed: return .answered
            case .retracted, .closed, .silenced: return .over
            case .open, .amended, .dismissed, nil: break
            }
        }
        let place = try store.commit(isDurable: true) { transaction in
            try transaction.putWaitingVerdict(
                WaitingVerdictRow(
                    verdict: token.answer.rawValue, alertID: token.alertID, actor: "owner",
                    link: token.id, revision: token.revision, givenMilliseconds: now.milliseconds,
                    expiresMilliseconds: token.expires.milliseconds))
        }
        // Somebody pressed the button twice at once, or too many wait: then it did not work.
        guard place != nil else {
            return try store.waitingVerdicts(alertID: token.alertID).contains {
                $0.link == token.id
            }
                ? .used : .failed
        }
        return token.answer == .mine ? .mineDone : .notMineDone
    }
}
