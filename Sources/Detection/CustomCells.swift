import SessionModel

/// What a profile remembers for a team's own rules: an event that is counted, a value that was seen.
struct CustomCell: BitwiseCopyable, Sendable {
    /// The class in the top byte, a hash of rule and key below.
    var key: UInt64
    /// Counted: of which value, or which record. Else the first time, ms.
    var value: UInt64
    /// The last time in 48 bits, how often in 16.
    private var lastWord: UInt64

    enum Class: UInt64, CaseIterable {
        /// One record, or one value, of those that are counted.
        case event = 1
        /// When a rule last spoke of a key.
        case spoken = 2
        /// A value that was seen.
        case seen = 3
        /// How long a key is known.
        case learning = 4
    }

    private static let timeMask: UInt64 = 0x0000_FFFF_FFFF_FFFF

    static func key(_ kind: Class, _ hash: UInt64) -> UInt64 {
        hash & 0x00FF_FFFF_FFFF_FFFF | kind.rawValue &<< 56
    }

    init(key: UInt64, value: UInt64, time: Int64) {
        (self.key, self.value) = (key, value)
        lastWord = UInt64(bitPattern: time) & Self.timeMask | 1 &<< 48
    }

    var kind: UInt64 { key &>> 56 }

    var last: Int64 {
        get { Int64(bitPattern: lastWord &<< 16) &>> 16 }
        set {
            lastWord = lastWord & ~Self.timeMask | UInt64(bitPattern: newValue) & Self.timeMask
        }
    }

    /// At most 65 535.
    var count: Int {
        get { Int(lastWord &>> 48) }
        set { lastWord = lastWord & Self.timeMask | UInt64(min(newValue, 65_535)) &<< 48 }
    }

    var first: Int64 {
        get { Int64(bitPattern: value) }
        set { value = UInt64(bitPattern: newValue) }
    }
}

extension Profile {
    /// The most cells of a class. A profile of a key has room for more values.
    func cellLimit(_ kind: CustomCell.Class) -> Int {
        switch kind {
        case .event: 256
        case .seen: isOfKey ? 1024 : 128
        case .spoken, .learning: 64
        }
    }

    /// The most cells that a stored profile may have.
    static let mostCells = 256 + 1024 + 64 + 64

    func cellIndex(_ key: UInt64) -> Int? {
        for i in 0..<cells.count where cells[i].key == key { return i }
        return nil
    }

    /// Changes a cell, so that it can be undone.
    mutating func updateCell(_ i: Int, to cell: CustomCell) {
        undo.push(cells[i])
        undo.push(UInt32(i) &<< 3 | UndoTag.cellChanged.rawValue)
        cells[i] = cell
    }

    /// Adds a cell: in the place of a counted one of its key from before `horizon`, else at the end,
    /// else in the place of the one of its class that is the oldest.
    ///
    /// - Returns: Whether another had to go that still counted.
    @discardableResult
    mutating func addCell(_ cell: CustomCell, _ kind: CustomCell.Class, horizon: Int64 = .min)
        -> Bool
    {
        var count = 0
        var oldest = -1
        for i in 0..<cells.count where cells[i].kind == kind.rawValue {
            if kind == .event, cells[i].key == cell.key, cells[i].last < horizon {
                updateCell(i, to: cell)
                return false
            }
            count += 1
            if oldest < 0
                || (cells[i].last, cells[i].key, cells[i].value)
                    < (cells[oldest].last, cells[oldest].key, cells[oldest].value)
            {
                oldest = i
            }
        }
        if count < cellLimit(kind) {
            cells.append(cell)
            undo.push(UInt32.max &<< 3 | UndoTag.cellChanged.rawValue)
            return false
        }
        updateCell(oldest, to: cell)
        return true
    }

    /// Undoes the newest change of cells; `i` as its tag has it.
    mutating func undoCell(_ i: Int) {
        if i == Profile.addedCell {
            cells.truncate(to: cells.count - 1)
        } else {
            cells[i] = undo.pop(CustomCell.self)
        }
    }

    /// Stands in the undo log for a cell that was added.
    static let addedCell = Int(UInt32.max >> 3)
}
