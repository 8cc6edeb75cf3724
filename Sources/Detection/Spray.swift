public import SessionModel

/// What became known of a spray: the sign-ins of many users fail on one source.
public struct SprayReport: Sendable {
    public enum State: UInt8, Sendable {
        /// It goes on. Counts are steps that were reached, so that not every failure more is news.
        case open = 1
        /// The source is quiet. Counts are those of the whole spray.
        case ended = 2
        /// With what came late there are not enough users, or more who got in than failed.
        case retracted = 3
    }

    /// Of the record that brought it.
    public var sequence: UInt64
    public var isProvider: Bool
    var state: State
    /// Of the source and the six hours that it began in.
    var alertID: UInt64
    var isMaterial: Bool
    var users: Int
    var failures: Int
    var first: Int64
    var last: Int64
    var limit: Int
    var address: IPAddress
    var asn: UInt32
    var country: CountryCode
    var kind: NetworkKind
    var organization: String
    /// Users who got in from there since it began, the newest eight: their keys and when.
    public var passers: [(user: UInt64, time: Int64)]
    /// The id of the first failure's record; empty when it is too long to be kept.
    var record: String
}

/// The sprays on one kind of source, beside `AttackedUsers`: from the rule's limit on each is one thing
/// to tell of, however many users are tried; without anybody who got in, from three times the limit on.
///
/// A spray is a run of six-hour pieces of time in each of which, with the one before, enough users fail
/// and fewer get in; a piece of quiet does not end it, two do. Pieces up to the newest less two are
/// settled, as nothing later than the lateness window changes them; so what is told is a function of what
/// came, not of its order.
/// - Memory: a cell of 1 kB for each source on which a sign-in failed.
final class Sprays {
    typealias Bits = AttackedUsers.Bits

    struct Passer: BitwiseCopyable {
        var user: UInt64 = 0
        var time: Int64 = 0
    }

    typealias Passers = InlineArray<8, Passer>

    /// A failure: which record to look at. The earliest of several is the same in any order.
    struct Failure: BitwiseCopyable {
        var time: Int64 = 0
        var key: UInt64 = 0
        private var id = InlineArray<47, UInt8>(repeating: 0)
        private var length: UInt8 = 0

        init() {}

        init(_ s: UnsafeMutablePointer<Sighting>) {
            time = s.pointee.record.time.milliseconds
            key = s.pointee.recordKey
            let text = s.pointee.record.id
            guard text.count <= 47 else { return }
            for k in 0..<text.count { id[k] = text.bytes[k] }
            length = UInt8(text.count)
        }

        func isBefore(_ other: Failure) -> Bool {
            other.key == 0 || (time, key) < (other.time, other.key)
        }

        var name: String {
            var bytes: [UInt8] = []
            for k in 0..<min(47, Int(length)) { bytes.append(id[k]) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// What was last told of a spray.
    struct Told: BitwiseCopyable {
        var content: UInt64 = 0
        var gist: UInt64 = 0
        var begin: Int32 = 0
        var state: UInt32 = 0
    }

    struct Cell: BitwiseCopyable {
        var address = IPAddress.none
        var asn: UInt32 = 0
        var country: UInt16 = 0
        var kind: UInt8 = 0
        var nameLength: UInt8 = 0
        var name = InlineArray<48, UInt8>(repeating: 0)
        /// Of the newest piece, the one before, and the one before that.
        var failures = InlineArray<3, UInt32>(repeating: 0)
        /// The piece that it began in; 0 when none has.
        var begin: Int32 = 0
        var firsts = InlineArray<3, Failure>(repeating: Failure())
        var lasts = InlineArray<3, Int64>(repeating: 0)
        // Of the settled pieces.
        var users = Bits(repeating: 0)
        var first = Failure()
        var last: Int64 = 0
        var settledFailures: UInt32 = 0
        /// Settled pieces of quiet at its end.
        var quiet: Int32 = 0
        /// Who got in: the newest of the settled pieces, of the newest piece, and the two before.
        var passers = Passers(repeating: Passer())
        var passers0 = Passers(repeating: Passer())
        var passers1 = Passers(repeating: Passer())
        var passers2 = Passers(repeating: Passer())
        /// The newest spray that was told of, and the one before.
        var told = InlineArray<2, Told>(repeating: Told())
    }

    /// Without a success in it, a spray is told of from this many times the limit on.
    static let quietFactor = 3

    let cells: CellTable<Cell>
    /// The newest pieces of time in which anything was signed in to, with how many did: who ends a spray
    /// is not one clock that leaps.
    private let clock = CellTable<Int64>(count: 16)
    private let isProvider: Bool
    /// Users from which on a source is told of; nil when no rule asks.
    var limit: Int?
    var reports: [SprayReport] = []

    var tables: [any OrganizationTable] { [cells, clock] }

    init(isProvider: Bool, count: Int) {
        self.isProvider = isProvider
        cells = CellTable(count: count)
    }

    // MARK: - Time

    /// Sign-ins that have to agree on the time before a source counts as quiet.
    private static let witnesses: Int64 = 8
    private static let pieces = 8

    /// Notes that there was a sign-in in a piece of time; whether the time that is believed went on.
    func tick(_ piece: Int32) -> Bool {
        guard limit != nil else { return false }
        let value = Int64(piece)
        var least = 0
        for k in 0..<Self.pieces {
            if clock[k].pointee == value {
                let count = clock[Self.pieces + k].pointee
                if count >= Self.witnesses { return false }
                let before = believed
                clock.change(Self.pieces + k).pointee = max(0, count) + 1
                return believed > before
            }
            if clock[k].pointee < clock[least].pointee { least = k }
        }
        guard clock[least].pointee < value else { return false }
        let before = believed
        clock.change(least).pointee = value
        clock.change(Self.pieces + least).pointee = 1
        return believed > before
    }

    /// The newest piece that, with those after it, enough sign-ins were in; 0 for none.
    private var believed: Int64 {
        var best: Int64 = 0
        for k in 0..<Self.pieces where clock[k].pointee > best {
            var count: Int64 = 0
            for other in 0..<Self.pieces where clock[other].pointee >= clock[k].pointee {
                count &+= max(0, min(Self.witnesses, clock[Self.pieces + other].pointee))
            }
            if count >= Self.witnesses { best = clock[k].pointee }
        }
        return best
    }

    /// Tells of the sprays whose sources are quiet by now.
    func endQuiet(_ attacked: CellTable<AttackedUsers.Cell>, _ sequence: UInt64) {
        for i in 0..<cells.count
        where cells[i].pointee.told[0].state == 1 || cells[i].pointee.told[1].state == 1 {
            evaluate(i, attacked[i], sequence)
        }
    }

    // MARK: - A source

    /// A cell that begins with a failure.
    func begin(_ i: Int, _ s: UnsafeMutablePointer<Sighting>) {
        var cell = Cell()
        cell.address = s.pointee.record.address
        cell.asn = s.pointee.place.asn
        cell.country = isProvider ? 0 : s.pointee.place.country.rawValue
        cell.kind = s.pointee.place.kind.rawValue
        let name = s.pointee.place.organization
        // Whole characters of UTF-8.
        var length = min(name.count, 48)
        while length > 0, length < name.count, name.bytes[length] & 0xC0 == 0x80 { length -= 1 }
        for k in 0..<length { cell.name[k] = name.bytes[k] }
        cell.nameLength = UInt8(length)
        cells.change(i).pointee = cell
    }

    /// Before a source's pieces move on by `steps`.
    func advance(
        _ i: Int, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>, by steps: Int32,
        _ sequence: UInt64
    ) {
        guard let limit else { return }
        let cell = cells.change(i)
        let none = Bits(repeating: 0)
        let piece = attacked.pointee.piece
        settle(
            cell, piece &- 1, attacked.pointee.failed1, attacked.pointee.failed2,
            attacked.pointee.passed1, attacked.pointee.passed2, 1, 2, limit, attacked, i, sequence)
        if steps > 1 {
            settle(
                cell, piece, attacked.pointee.failed0, attacked.pointee.failed1,
                attacked.pointee.passed0, attacked.pointee.passed1, 0, 1, limit, attacked, i,
                sequence)
        }
        if steps > 2 {
            settle(
                cell, piece &+ 1, none, attacked.pointee.failed0, none, attacked.pointee.passed0,
                -1, 0, limit, attacked, i, sequence)
        }
        if steps > 3, cell.pointee.begin != 0 { end(cell, attacked, i, sequence) }
        Self.shift(cell, by: Int(min(3, steps)))
    }

    /// Moves the three newest pieces on by 1 through 3. What is empty stays, as most of a source is: the
    /// first of its passers is the first that is filled.
    private static func shift(_ cell: UnsafeMutablePointer<Cell>, by steps: Int) {
        if (cell.pointee.failures[0] | cell.pointee.failures[1] | cell.pointee.failures[2]) != 0 {
            for k in (0..<3).reversed() {
                let from = k - steps
                cell.pointee.failures[k] = from < 0 ? 0 : cell.pointee.failures[from]
                cell.pointee.firsts[k] = from < 0 ? Failure() : cell.pointee.firsts[from]
                cell.pointee.lasts[k] = from < 0 ? 0 : cell.pointee.lasts[from]
            }
        }
        let none = Passers(repeating: Passer())
        func move(_ from: Passers, _ to: inout Passers) {
            if from[0].user != 0 || to[0].user != 0 { to = from }
        }
        move(
            steps == 1 ? cell.pointee.passers1 : steps == 2 ? cell.pointee.passers0 : none,
            &cell.pointee.passers2)
        move(steps == 1 ? cell.pointee.passers0 : none, &cell.pointee.passers1)
        move(none, &cell.pointee.passers0)
    }

    /// A piece that nothing changes any more: whether it begins a spray, is part of one or ends it.
    private func settle(
        _ cell: UnsafeMutablePointer<Cell>, _ piece: Int32, _ failed: Bits, _ before: Bits,
        _ passed: Bits, _ passedBefore: Bits, _ at: Int, _ atBefore: Int, _ limit: Int,
        _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>, _ i: Int, _ sequence: UInt64
    ) {
        let isActive = Self.isActive(failed, before, passed, passedBefore, limit)
        func take(_ bits: Bits, _ k: Int) {
            Self.unite(&cell.pointee.users, bits)
            guard k >= 0, cell.pointee.failures[k] > 0 else { return }
            cell.pointee.settledFailures = Self.sum(
                cell.pointee.settledFailures, cell.pointee.failures[k])
            let first = cell.pointee.firsts[k]
            if first.isBefore(cell.pointee.first) { cell.pointee.first = first }
            cell.pointee.last = max(cell.pointee.last, cell.pointee.lasts[k])
        }
        func takePassers(_ k: Int) {
            if k >= 0 { Self.merge(&cell.pointee.passers, Self.passers(cell, k)) }
        }
        if cell.pointee.begin == 0 {
            guard isActive else { return }
            cell.pointee.begin = piece
            cell.pointee.users = Bits(repeating: 0)
            cell.pointee.settledFailures = 0
            (cell.pointee.first, cell.pointee.last, cell.pointee.quiet) = (Failure(), 0, 0)
            cell.pointee.passers = Passers(repeating: Passer())
            take(before, atBefore)
            take(failed, at)
            takePassers(atBefore)
            takePassers(at)
        } else {
            take(failed, at)
            takePassers(at)
            cell.pointee.quiet = isActive ? 0 : min(2, max(0, cell.pointee.quiet)) + 1
            if cell.pointee.quiet >= 2 { end(cell, attacked, i, sequence) }
        }
    }

    private func end(
        _ cell: UnsafeMutablePointer<Cell>, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>,
        _ i: Int, _ sequence: UInt64
    ) {
        let view = View(
            begin: cell.pointee.begin, users: cell.pointee.users,
            failures: cell.pointee.settledFailures, first: cell.pointee.first,
            last: cell.pointee.last, passers: cell.pointee.passers)
        tell(cell, attacked, view, .ended, sequence)
        cell.pointee.begin = 0
        cell.pointee.quiet = 0
    }

    /// One more failure, in the newest piece (0) or the one before (1).
    func fail(_ i: Int, _ s: UnsafeMutablePointer<Sighting>, age: Int) {
        let cell = cells.change(i)
        if s.pointee.source.isShared != 0, NetworkKind(rawValue: cell.pointee.kind) == .unknown {
            cell.pointee.kind = NetworkKind.sharedEgress.rawValue
        }
        cell.pointee.failures[age] = Self.sum(cell.pointee.failures[age], 1)
        let failure = Failure(s)
        if failure.isBefore(cell.pointee.firsts[age]) { cell.pointee.firsts[age] = failure }
        if failure.time > cell.pointee.lasts[age] { cell.pointee.lasts[age] = failure.time }
    }

    /// One who got in, in the newest piece (0) or the one before (1).
    func pass(_ i: Int, user: UInt64, _ time: Int64, age: Int) {
        let cell = cells.change(i)
        let passer = Passer(user: user, time: time)
        if age == 0 {
            Self.add(passer, to: &cell.pointee.passers0)
        } else {
            Self.add(passer, to: &cell.pointee.passers1)
        }
    }

    /// The newest eight are kept, each user once: the same in any order.
    private static func add(_ new: Passer, to passers: inout Passers) {
        var oldest = 0
        for k in 0..<8 {
            if passers[k].user == new.user {
                if new.time > passers[k].time { passers[k].time = new.time }
                return
            }
            if (passers[k].time, passers[k].user) < (passers[oldest].time, passers[oldest].user) {
                oldest = k
            }
        }
        if (passers[oldest].time, passers[oldest].user) < (new.time, new.user) {
            passers[oldest] = new
        }
    }

    private static func merge(_ passers: inout Passers, _ others: Passers) {
        for k in 0..<8 where others[k].user != 0 { add(others[k], to: &passers) }
    }

    private static func passers(_ cell: UnsafeMutablePointer<Cell>, _ k: Int) -> Passers {
        k == 0 ? cell.pointee.passers0 : k == 1 ? cell.pointee.passers1 : cell.pointee.passers2
    }

    // MARK: - Telling

    /// A spray with its pieces that are not settled.
    private struct View {
        var begin: Int32
        var users: Bits
        var failures: UInt32
        var first: Failure
        var last: Int64
        var passers: Passers
    }

    /// Tells what is news of a source.
    func evaluate(
        _ i: Int, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>, _ sequence: UInt64
    ) {
        guard let limit else { return }
        let isNewActive = Self.isActive(
            attacked.pointee.failed0, attacked.pointee.failed1, attacked.pointee.passed0,
            attacked.pointee.passed1, limit)
        let isOldActive = Self.isActive(
            attacked.pointee.failed1, attacked.pointee.failed2, attacked.pointee.passed1,
            attacked.pointee.passed2, limit)
        let known = cells[i]
        if !isNewActive, !isOldActive, known.pointee.begin == 0, known.pointee.told[0].state == 0,
            known.pointee.told[1].state == 0
        {
            return  // as most sources, and they are a kilobyte
        }
        let cell = cells.change(i)
        let c = cell.pointee
        let a = attacked.pointee
        func take(_ v: inout View, _ bits: Bits, _ k: Int) {
            Self.unite(&v.users, bits)
            Self.merge(&v.passers, Self.passers(cell, k))
            guard c.failures[k] > 0 else { return }
            v.failures = Self.sum(v.failures, c.failures[k])
            if c.firsts[k].isBefore(v.first) { v.first = c.firsts[k] }
            v.last = max(v.last, c.lasts[k])
        }
        func beginning(_ piece: Int32) -> View {
            View(
                begin: piece, users: Bits(repeating: 0), failures: 0, first: Failure(), last: 0,
                passers: Passers(repeating: Passer()))
        }
        let isQuiet = believed >= Int64(a.piece) + 2
        // What is settled goes on through the two pieces that are not, as far as is known.
        var view: View?
        if c.begin != 0 {
            var v = View(
                begin: c.begin, users: c.users, failures: c.settledFailures, first: c.first,
                last: c.last, passers: c.passers)
            take(&v, a.failed1, 1)
            if !isOldActive, c.quiet >= 1 {
                // Over by now; and maybe another has begun.
                tell(cell, attacked, v, .ended, sequence)
            } else {
                take(&v, a.failed0, 0)
                view = v
            }
        } else if isOldActive {
            var v = beginning(a.piece &- 1)
            take(&v, a.failed2, 2)
            take(&v, a.failed1, 1)
            take(&v, a.failed0, 0)
            view = v
        }
        if view == nil, isNewActive {
            var v = beginning(a.piece)
            take(&v, a.failed1, 1)
            take(&v, a.failed0, 0)
            view = v
        }
        // What was told of pieces that are not settled may no longer hold.
        for slot in 0..<2 {
            let told = cell.pointee.told[slot]
            if told.state == 1 || told.state == 2, told.begin >= a.piece &- 1,
                told.begin != view?.begin
            {
                retract(cell, attacked, slot, sequence)
            }
        }
        if let view { tell(cell, attacked, view, isQuiet ? .ended : .open, sequence) }
    }

    private func retract(
        _ cell: UnsafeMutablePointer<Cell>, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>,
        _ slot: Int, _ sequence: UInt64
    ) {
        reports.append(
            report(
                cell, attacked, .retracted, cell.pointee.told[slot].begin, 0, 0, 0, 0, [],
                record: "", true, sequence))
        cell.pointee.told[slot].state = 3
    }

    private func tell(
        _ cell: UnsafeMutablePointer<Cell>, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>,
        _ view: View, _ state: SprayReport.State, _ sequence: UInt64
    ) {
        guard let limit else { return }
        var passers: [(user: UInt64, time: Int64)] = []
        for k in 0..<8 where view.passers[k].user != 0 && view.passers[k].time >= view.first.time {
            passers.append((view.passers[k].user, view.passers[k].time))
        }
        var users = Self.count(view.users)
        var failures = Int(view.failures)
        var (first, last) = (view.first.time, view.last)
        var step = 0
        while step < 10, users >= limit << (step + 1) { step += 1 }
        // Who only knocks at doors is told of when there are many: machines try names all day long. At
        // the company's own doors its people mistype, on the morning of new passwords most of them.
        let kind = NetworkKind(rawValue: cell.pointee.kind)
        let isWorthIt =
            kind != .corporate && kind != .sharedEgress
            && (!passers.isEmpty || users >= Self.quietFactor * limit)
        if state == .open {
            let half = 3 * (limit << step) / 2
            users = users >= half && half > limit ? half : limit << step
            failures = failures < 1 ? 0 : 1 << (63 - failures.leadingZeroBitCount)
            first -= first % 3_600_000
            last = 0
        }
        passers.sort { ($0.time, $0.user) < ($1.time, $1.user) }
        // Until when sign-ins were seen is told at the end only.
        let names = passers.map(\.user).sorted().reduce(UInt64(passers.count), mix)
        var content = mix(UInt64(state.rawValue), UInt64(users))
        content = mix(content, UInt64(failures))
        content = mix(mix(content, UInt64(bitPattern: first)), UInt64(bitPattern: last))
        content = mix(mix(content, names), view.first.key)
        let gist = mix(mix(UInt64(state.rawValue), UInt64(step)), names)
        var slot = 0
        if cell.pointee.told[0].begin != view.begin {
            if cell.pointee.told[1].begin == view.begin || view.begin < cell.pointee.told[0].begin {
                slot = 1
            } else {
                if isWorthIt { cell.pointee.told[1] = cell.pointee.told[0] }
            }
        }
        let told = cell.pointee.told[slot]
        if !isWorthIt {
            if told.begin == view.begin, told.state == 1 || told.state == 2 {
                retract(cell, attacked, slot, sequence)
            }
            return
        }
        let isSame = told.begin == view.begin && told.state != 3
        if isSame, told.content == content { return }
        reports.append(
            report(
                cell, attacked, state, view.begin, users, failures, first, last, passers,
                record: view.first.name, !isSame || told.gist != gist, sequence))
        cell.pointee.told[slot] = Told(
            content: content, gist: gist, begin: view.begin, state: UInt32(state.rawValue))
    }

    private func report(
        _ cell: UnsafeMutablePointer<Cell>, _ attacked: UnsafeMutablePointer<AttackedUsers.Cell>,
        _ state: SprayReport.State, _ begin: Int32, _ users: Int, _ failures: Int, _ first: Int64,
        _ last: Int64, _ passers: [(user: UInt64, time: Int64)], record: String, _ isMaterial: Bool,
        _ sequence: UInt64
    ) -> SprayReport {
        let c = cell.pointee
        var name: [UInt8] = []
        for k in 0..<min(48, Int(c.nameLength)) { name.append(c.name[k]) }
        return SprayReport(
            sequence: sequence, isProvider: isProvider, state: state,
            alertID: mix(
                mix(attacked.pointee.key, isProvider ? 0x5350_5241 : 0x5350_5250),
                UInt64(UInt32(bitPattern: begin))),
            isMaterial: isMaterial, users: users, failures: failures, first: first, last: last,
            limit: limit ?? 0, address: c.address, asn: c.asn,
            country: CountryCode(rawValue: c.country),
            kind: NetworkKind(rawValue: c.kind) ?? .unknown,
            organization: String(decoding: name, as: UTF8.self), passers: passers, record: record)
    }

    // MARK: - Sets of users

    private static func isActive(
        _ failed: Bits, _ before: Bits, _ passed: Bits, _ passedBefore: Bits, _ limit: Int
    ) -> Bool {
        var all = failed
        unite(&all, before)
        let users = count(all)
        guard users >= limit else { return false }
        var through = passed
        unite(&through, passedBefore)
        return count(through) < users
    }

    private static func unite(_ bits: inout Bits, _ other: Bits) {
        for word in 0..<4 { bits[word] |= other[word] }
    }

    private static func count(_ bits: Bits) -> Int {
        var used = 0
        for word in 0..<4 { used += bits[word].nonzeroBitCount }
        return AttackedUsers.users(places: used)
    }

    private static func sum(_ a: UInt32, _ b: UInt32) -> UInt32 {
        let (sum, isTooMuch) = a.addingReportingOverflow(b)
        return isTooMuch ? .max : sum
    }
}
