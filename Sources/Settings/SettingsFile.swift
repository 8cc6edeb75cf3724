import Foundation

/// Reads a file that a person wrote.
package enum SettingsFile {
    /// The file's text, without a byte order mark. Nil after logging.
    package static func text(of path: String, log: ProblemLog) -> String? {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        let attributes = try? FileManager.default.attributesOfItem(atPath: target.path)
        // A pipe or device could keep us waiting for ever.
        guard let type = attributes?[.type] as? FileAttributeType else {
            log.add("There is no such file. Check its name and the folder.")
            return nil
        }
        guard type == .typeRegular else {
            log.add("This is no regular file. Replace or remove it.")
            return nil
        }
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: target)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: SettingsLimit.fileBytes + 1) ?? Data()
        } catch {
            log.add("The file cannot be read. Check its permissions.")
            return nil
        }
        guard bytes.count <= SettingsLimit.fileBytes else {
            log.add("The file is larger than \(SettingsLimit.fileBytes >> 10) KiB. Shorten it.")
            return nil
        }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            log.add("The file is not UTF-8. Save it as UTF-8.")
            return nil
        }
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return text
    }
}
