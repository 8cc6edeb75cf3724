/// Why a GeoIP database, a list of networks or a reduction was refused.
///
/// Each says where, what is wrong and what to do. A single damaged record met during a run is none
/// of these: its address has no place, and `AddressEnricher.damagedLookups` counts it.
public enum GeoError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or folder cannot be opened or read.
    case cannotRead(path: String, reason: String)
    /// A folder that was named holds no `.mmdb` file, or too many.
    case badFolder(path: String, reason: String)
    /// The file is not a MaxMind DB, or one of a version that is not understood.
    case notADatabase(path: String, reason: String)
    /// A MaxMind DB whose tree or data contradict themselves.
    case damaged(path: String, reason: String)
    /// A sound MaxMind DB, named on the command line, that tells neither places nor networks.
    case notOfUse(path: String, type: String)
    /// The file was written over, cut or extended while it was in use.
    case overwritten(path: String)
    /// A line of a list of networks.
    case badList(path: String, line: Int, reason: String)
    case cannotWrite(path: String, reason: String)
    /// A full database that cannot be reduced, or not to the size asked for.
    case cannotReduce(path: String, reason: String)

    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "\(path): cannot be read: \(reason). Check the path and its permissions."
        case .badFolder(let path, let reason):
            "\(path): \(reason). Name a folder of .mmdb files, or a file."
        case .notADatabase(let path, let reason):
            "\(path): not a MaxMind DB: \(reason). Use a .mmdb file of format version 2."
        case .damaged(let path, let reason):
            "\(path): damaged database: \(reason). Fetch the file again."
        case .notOfUse(let path, let type):
            "\(path): a database of type '\(type)' holds nothing that is of use here. Use a City, "
                + "Country, ASN, ISP, Connection-Type, Anonymous-IP or Enterprise file."
        case .overwritten(let path):
            "\(path): changed while it was in use. Replace a database by writing the new file "
                + "beside it and renaming it over the old one, then start again."
        case .badList(let path, let line, let reason):
            "\(path):\(line): \(reason)"
        case .cannotWrite(let path, let reason):
            "\(path): cannot be written: \(reason)."
        case .cannotReduce(let path, let reason):
            "\(path): cannot be reduced: \(reason)."
        }
    }
}
