import SessionModel

/// On which sources the sign-ins of how many users fail: by prefix, or by provider.
///
/// Time is cut into pieces of six hours; what counts for a sign-in are the failures of its piece and the
/// one before, whenever they come: those who got in before are told too, the newest eight since the
/// source's first failure. Users are counted in 256
/// places by a hash of theirs (linear counting, Whang et al. 1990), exact to a few per cent up to 200.
/// - Memory: a 416-byte cell a source. Only sources on which a sign-in failed have one; the one quiet
///   for longest makes room.
final class AttackedUsers {
    typealias Bits = InlineArray<4, UInt64>

    struct Success: BitwiseCopyable {
        var user: UInt64 = 0
        var record: UInt64 = 0
        var piece: Int32 = 0
        /// As it was told last.
        var told: UInt32 = 0
    }

    struct Cell: BitwiseCopyable {
        var key: UInt64 = 0
        /// The newest piece of time, counted from 1; 0 is an empty cell.
        var piece: Int32 = 0
        var next: UInt32 = 0
        /// Users that failed in the newest piece, the one before, and the one before that.
        var failed0 = Bits(repeating: 0)
        var failed1 = Bits(repeating: 0)
        var failed2 = Bits(repeating: 0)
        /// Users that got in, likewise.
        var passed0 = Bits(repeating: 0)
        var passed1 = Bits(repeating: 0)
        var passed2 = Bits(repeating: 0)
        var successes = InlineArray<8, Success>(repeating: Success())
        var spare = InlineArray<2, UInt64>(repeating: 0)
    }

    enum Source { case prefix, provider }

    let source: Source
    private let count: Int
    let cells: CellTable<Cell>
    /// The cells' keys side by side, as most sources have no cell.
    private let keys: CellTable<UInt64>

    /// The sprays on these sources, cell by cell.
    let sprays: Sprays

    var tables: [any OrganizationTable] { [cells, keys] }

    /// - Parameter count: of cells, a power of two.
    init(_ source: Source, count: Int) {
        self.source = source
        self.count = count
        cells = CellTable(count: count)
        keys = CellTable(count: count)
        sprays = Sprays(isProvider: source == .provider, count: count)
    }

    @inline(__always)
    func place(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key &>> 8) & (count - 4) }

    func take(_ s: UnsafeMutablePointer<Sighting>, key: UInt64, _ corrections: inout [Correction]) {
        guard s.pointee.record.event == .login, key != 0 else { return }
        let isFailure = s.pointee.record.outcome == .failure
        let piece = Int32(clamping: s.pointee.record.time.milliseconds / 21_600_000 + 1)
        guard piece > 0 else { return }
        if sprays.tick(piece) { sprays.endQuiet(cells, s.pointee.sequence) }
        guard let i = find(key, isFailure: isFailure) else { return }
        // In place, as a cell is 416 bytes.
        let cell = cells.change(i)
        if cell.pointee.piece == 0 {
            cell.pointee.key = key
            cell.pointee.piece = piece
            if sprays.limit != nil { sprays.begin(i, s) }
        }
        if piece > cell.pointee.piece {
            sprays.advance(i, cell, by: piece &- cell.pointee.piece, s.pointee.sequence)
        }
        advance(cell, to: piece)
        let age = cell.pointee.piece &- piece
        // What is older than a piece has no part in this any more.
        guard age <= 1 else { return }
        let bit = Int(truncatingIfNeeded: s.pointee.userKey &>> 17) & 255
        switch (isFailure, age) {
        case (true, 0): Self.set(&cell.pointee.failed0, bit)
        case (true, _): Self.set(&cell.pointee.failed1, bit)
        case (false, 0): Self.set(&cell.pointee.passed0, bit)
        case (false, _): Self.set(&cell.pointee.passed1, bit)
        }
        tellOthers(cell, s.pointee.sequence, &corrections)
        if !isFailure { tell(cell, s, piece, bit) }
        guard sprays.limit != nil else { return }
        let time = s.pointee.record.time.milliseconds
        if isFailure {
            sprays.fail(i, s, age: Int(age))
        } else {
            sprays.pass(i, user: s.pointee.userKey, time, age: Int(age))
        }
        sprays.evaluate(i, cell, s.pointee.sequence)
    }

    /// The source's cell; one is made for a failure only.
    private func find(_ key: UInt64, isFailure: Bool) -> Int? {
        let first = place(key)
        for i in first..<first + 4 where keys[i].pointee == key { return i }
        guard isFailure else { return nil }
        var oldest = first
        for i in first..<first + 4 {
            let cell = cells[i]
            if (cell.pointee.piece, cell.pointee.key)
                < (cells[oldest].pointee.piece, cells[oldest].pointee.key)
            {
                oldest = i
            }
        }
        cells.change(oldest).pointee = Cell()
        keys.change(oldest).pointee = key
        return oldest
    }

    private func advance(_ cell: UnsafeMutablePointer<Cell>, to piece: Int32) {
        let steps = piece &- cell.pointee.piece
        guard steps > 0 else { return }
        let none = Bits(repeating: 0)
        switch steps {
        case 1:
            cell.pointee.failed2 = cell.pointee.failed1
            cell.pointee.failed1 = cell.pointee.failed0
            cell.pointee.passed2 = cell.pointee.passed1
            cell.pointee.passed1 = cell.pointee.passed0
        case 2:
            cell.pointee.failed2 = cell.pointee.failed0
            cell.pointee.failed1 = none
            cell.pointee.passed2 = cell.pointee.passed0
            cell.pointee.passed1 = none
        default:
            cell.pointee.failed2 = none
            cell.pointee.failed1 = none
            cell.pointee.passed2 = none
            cell.pointee.passed1 = none
        }
        cell.pointee.failed0 = none
        cell.pointee.passed0 = none
        cell.pointee.piece = piece
    }

    /// What a sign-in of `piece` is told: other users who failed, in steps.
    private func level(_ cell: UnsafeMutablePointer<Cell>, _ piece: Int32, bit: Int) -> UInt8 {
        let isNewest = piece == cell.pointee.piece
        func others(_ a: Bits, _ b: Bits) -> Int {
            var used = 0
            for word in 0..<4 { used += (a[word] | b[word]).nonzeroBitCount }
            let own = (a[bit >> 6] | b[bit >> 6]) >> UInt64(bit & 63) & 1 == 1
            return Self.users(places: used - (own ? 1 : 0))
        }
        let failed =
            isNewest
            ? others(cell.pointee.failed0, cell.pointee.failed1)
            : others(cell.pointee.failed1, cell.pointee.failed2)
        let step = Self.step(failed)
        if step == 0 { return 0 }
        // A large provider, or a company's egress, has many who mistype, and more who do not.
        let passed =
            isNewest
            ? others(cell.pointee.passed0, cell.pointee.passed1)
            : others(cell.pointee.passed1, cell.pointee.passed2)
        return passed >= failed ? 0 : step
    }

    /// Whether so few users failed that whoever gets in is told of none.
    private func isHarmless(_ cell: UnsafeMutablePointer<Cell>) -> Bool {
        var used = 0
        for word in 0..<4 {
            used +=
                (cell.pointee.failed0[word] | cell.pointee.failed1[word]
                | cell.pointee.failed2[word]).nonzeroBitCount
        }
        return Self.step(Self.users(places: used)) == 0
    }

    /// So that an alert is not amended for every one more.
    private static func step(_ users: Int) -> UInt8 {
        switch users {
        case ..<3: 0
        case ..<16: UInt8(users)
        case ..<30: UInt8(users / 5 * 5)
        case ..<60: UInt8(users / 10 * 10)
        case ..<255: UInt8(users / 30 * 30)
        default: 255
        }
    }

    /// How many users fill so many of 256 places: −256 ln(1 − n/256).
    private static let table: [Int] = (0...256).map { filled in
        filled == 256 ? 1420 : Int((-256 * logarithm(1 - Double(filled) / 256)).rounded())
    }

    static func users(places: Int) -> Int { table[max(0, min(256, places))] }

    private static func set(_ bits: inout Bits, _ bit: Int) {
        bits[bit >> 6] |= 1 << UInt64(bit & 63)
    }

    private func tell(
        _ cell: UnsafeMutablePointer<Cell>, _ s: UnsafeMutablePointer<Sighting>, _ piece: Int32,
        _ bit: Int
    ) {
        let level = level(cell, piece, bit: bit)
        switch source {
        case .prefix: s.pointee.source.prefixFailures = level
        case .provider: s.pointee.source.providerFailures = level
        }
        let slot = Int(cell.pointee.next & 7)
        cell.pointee.next &+= 1
        cell.pointee.successes[slot] = Success(
            user: s.pointee.userKey, record: s.pointee.recordKey, piece: piece, told: UInt32(level))
    }

    /// Those who got in before, when what they were told is no longer so.
    private func tellOthers(
        _ cell: UnsafeMutablePointer<Cell>, _ sequence: UInt64, _ corrections: inout [Correction]
    ) {
        let isHarmless = isHarmless(cell)
        for slot in 0..<8 {
            if isHarmless, cell.pointee.successes[slot].told == 0 { continue }
            let success = cell.pointee.successes[slot]
            guard success.piece > 0, cell.pointee.piece &- success.piece <= 1 else { continue }
            let bit = Int(truncatingIfNeeded: success.user &>> 17) & 255
            let level = level(cell, success.piece, bit: bit)
            guard UInt32(level) != success.told else { continue }
            cell.pointee.successes[slot].told = UInt32(level)
            corrections.append(
                Correction(
                    sequence: sequence, userKey: success.user,
                    subject: source == .prefix
                        ? .prefix(success.record) : .provider(success.record),
                    value: level))
        }
    }
}
