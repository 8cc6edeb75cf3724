import SessionModel

extension Life {
    /// One record of a device in an application, with the sign-in before it where the session has
    /// ended or never was. Gives its time, which a slow sign-in puts off.
    func use(
        _ person: Person, _ device: Int, _ application: Int, _ time: Int64, _ address: UInt32,
        _ day: Int, scenario: String, _ random: inout SeededRandom, _ out: inout [Happening]
    ) -> Int64 {
        let kind = Application.all[application]
        let own = person.devices[device]
        var record = Happening(
            time: time, user: person.number, event: .activity,
            device: person.knowsDevices && kind.knowsDevices ? own.id : "",
            agent: own.agent(day: day), application: application, address: address)
        let story = day <= own.newsUntil && !own.news.isEmpty ? own.news : scenario
        record.label = story.isEmpty ? .none : .benign(story)
        expire(person, at: time)
        let open = person.sessions.firstIndex {
            $0.device == device && $0.application == application
        }
        if let open {
            // A slow sign-in may still be under way when the next visit begins.
            record.time = max(time, person.sessions[open].began + 1_500)
            record.session = person.sessions[open].id
            out.append(record)
            return record.time
        }
        return signIn(person, device, kind, record, &random, &out)
    }

    /// Mistyped passwords, a second factor now and then denied, and the login.
    private func signIn(
        _ person: Person, _ device: Int, _ kind: Application, _ record: Happening,
        _ random: inout SeededRandom, _ out: inout [Happening]
    ) -> Int64 {
        var record = record
        var time = record.time
        if person.auth == .password, random.chance(0.07) {
            var failure = record
            failure.event = .login
            failure.outcome = .failure
            failure.auth = .password
            if case .none = failure.label { failure.label = .benign("mistyped-password") }
            record.label = failure.label
            for _ in 0..<random.pick([1, 1, 1, 2, 2, 3, 4]) {
                failure.time = time
                out.append(failure)
                time += Int64(random.between(4_000, 40_000))
            }
        }
        if person.auth == .password, random.chance(1 / 150) {
            // The password is forgotten: tries, the way back by mail or phone, a new one.
            var step = record
            step.event = .login
            step.outcome = .failure
            step.auth = .password
            if case .none = step.label { step.label = .benign("own-recovery") }
            record.label = step.label
            for _ in 0..<random.between(1, 5) {
                step.time = time
                out.append(step)
                time += Int64(random.between(5_000, 60_000))
            }
            step.outcome = .success
            step.event = .recovery
            step.auth = .unknown
            step.time = time
            out.append(step)
            time += Int64(random.between(40_000, 300_000))
            step.event = .passwordChange
            step.auth = .password
            step.time = time
            out.append(step)
            time += Int64(random.between(3_000, 60_000))
        }
        if person.hasMFA, person.auth != .passkey {
            var prompt = record
            prompt.event = .mfa
            prompt.auth = .mfa
            while random.chance(0.03) {
                prompt.time = time
                prompt.outcome = .failure
                if case .none = prompt.label { prompt.label = .benign("mfa-denied") }
                record.label = prompt.label
                out.append(prompt)
                time += Int64(random.between(10_000, 60_000))
            }
            prompt.time = time
            prompt.outcome = .success
            out.append(prompt)
            time += Int64(random.between(200, 3_000))
        }
        record.time = time
        record.event = .login
        record.auth = person.hasMFA && person.auth == .password ? .mfa : person.auth
        // A passkey is not at hand on every machine.
        if person.auth == .passkey, random.chance(0.06) { record.auth = .password }
        record.session = random.token()
        out.append(record)
        person.sessions.append(
            OpenSession(
                id: record.session, device: device, application: record.application,
                began: time, ends: time + Int64(kind.hours) * 3_600_000))
        return time
    }

    /// Moves what is over to the ended ones, of which the last eight are kept.
    func expire(_ person: Person, at time: Int64) {
        for session in person.sessions where session.ends <= time {
            end(person, session, at: session.ends)
        }
        person.sessions.removeAll { $0.ends <= time }
    }

    private func end(_ person: Person, _ session: OpenSession, at time: Int64) {
        person.ended.append(
            EndedSession(
                id: session.id, device: session.device, application: session.application,
                ended: time, hours: Application.all[session.application].hours))
        if person.ended.count > 8 { person.ended.removeFirst() }
    }

    /// Some log out at the end of the day.
    func logOut(_ person: Person, _ random: inout SeededRandom, _ out: inout [Happening]) {
        guard random.chance(0.12), let last = out.last, last.event == .activity else { return }
        _ = logOut(person, session: last.session, after: last, &random, &out)
    }

    /// A log-out some minutes after the record; tells when.
    func logOut(
        _ person: Person, session: String, after last: Happening, _ random: inout SeededRandom,
        _ out: inout [Happening]
    ) -> Int64? {
        guard let index = person.sessions.firstIndex(where: { $0.id == session }) else {
            return nil
        }
        var record = last
        record.event = .logout
        // Visits overlap, and nobody uses a session that they logged out of.
        let newest = out.reduce(last.time) { $1.session == session ? max($0, $1.time) : $0 }
        record.time = newest + Int64(random.between(5_000, 900_000))
        out.append(record)
        end(person, person.sessions[index], at: record.time)
        person.sessions.remove(at: index)
        return record.time
    }

    /// Password changes, new recovery addresses and new second factors by the owner.
    func ownChanges(
        _ person: Person, _ day: Int, _ random: inout SeededRandom, _ out: inout [Happening]
    ) {
        guard let last = out.last, last.event == .activity else { return }
        func add(_ event: EventKind, _ story: String, after seconds: Int) {
            var record = last
            record.event = event
            record.time += Int64(seconds) * 1000
            record.auth = .password
            if case .none = record.label { record.label = .benign(story) }
            out.append(record)
        }
        if random.chance(1 / 90) { add(.passwordChange, "own-password-change", after: 90) }
        if random.chance(1 / 400) { add(.recovery, "own-recovery-address", after: 200) }
        if person.hasMFA, random.chance(1 / 250) { add(.mfaChange, "own-mfa-change", after: 400) }
    }
}
