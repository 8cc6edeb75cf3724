internal import Settings
internal import Yams

extension SharedSignalsConnector {
    /// ```yaml
    /// - kind: shared-signals
    ///   issuer: https://monitor.example.com
    ///   subject: iss_sub                 # or email, opaque: how the receiver knows a user
    ///   subject_issuer: https://idp.example.com
    ///   url: https://receiver.example.com/events
    ///   audience: https://receiver.example.com/caep
    ///   signing_key: {file: /etc/lastseen/ssf-key.pem}
    ///   key_id: "2026-11"
    ///   authorization: {file: /etc/lastseen/ssf-authorization}
    ///   nested_subject: false
    ///   # or, instead of url to nested_subject, what lastseen-server serves:
    ///   # streams: /var/lib/lastseen/streams.db
    /// ```
    static let maker = ConnectorMaker(keys: [
        "issuer", "subject", "subject_issuer", "url", "audience", "signing_key", "key_id",
        "authorization", "nested_subject", "ca_file", "allow_private", "streams",
    ]) { settings, log in
        let fields = settings.fields
        let problems = log.problems.count
        let issuer = settings.text("issuer", because: "the https URL that is 'iss' of each event")
        let format = settings.word(
            "subject", among: UserSubjectFormat.allCases.map(\.rawValue), absent: "iss_sub")
        let subjectIssuer = settings.text("subject_issuer")
        let streams = settings.text("streams")
        let url = settings.text("url")
        let audience = settings.oneOrMore("audience")
        let key = settings.secret("signing_key")
        let keyID = settings.text("key_id")
        let authorization = settings.secret("authorization")
        let caFile = settings.path("ca_file")
        if log.problems.count == problems {
            if (url == nil) == (streams == nil) {
                log.add(
                    "A shared-signals connector needs either 'url' (to push) or 'streams'.",
                    at: fields.node)
            } else if url != nil, key == nil {
                log.add("'url' needs 'signing_key' with it.", at: fields.node)
            } else if streams != nil, key != nil || audience != [] || authorization != nil {
                log.add(
                    "With 'streams' the server signs and the streams have their audiences: remove "
                        + "'signing_key', 'audience' and 'authorization'.", at: fields.node)
            }
        }
        guard log.problems.count == problems, let issuer, let format, let audience,
            let userFormat = UserSubjectFormat(rawValue: format)
        else { return nil }
        do {
            let delivery: SharedSignalsOptions.Delivery
            if let url, let key {
                delivery = .push(
                    SignalReceiver(
                        url: url, audience: audience, signingKey: key, keyID: keyID,
                        authorization: authorization,
                        nestsSubject: settings.flag("nested_subject"), caFile: caFile,
                        allowsPrivate: settings.flag("allow_private")))
            } else {
                delivery = .streams(streams ?? "")
            }
            return try SharedSignalsConnector(
                SharedSignalsOptions(
                    issuer: issuer, userFormat: userFormat, subjectIssuer: subjectIssuer,
                    delivery: delivery, totalMilliseconds: settings.timeoutSeconds * 1000),
                name: settings.name)
        } catch {
            log.add("\(error)", at: fields.node)
            return nil
        }
    }
}
