//! Top-level modules of the standard library, CPython 2.7 and 3.8 to 3.14 (`sys.stdlib_module_names` and the removals of each release),
//! and of programs that have a Python in them.

/// True when the dotted `module` is part of some supported Python itself.
#[must_use]
pub fn contains(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    MODULES.binary_search(&first).is_ok()
}

/// True for a module that comes from the program in which the code runs, and that no index has or that its package there only mimics.
#[must_use]
pub fn is_given_by_host(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    HOSTED.binary_search(&first).is_ok()
}

/// Inline code of AWS Lambda (cfnresponse) and Glue; Blender, Maya, Houdini, Nuke, Unreal; IDA, Ghidra, Binary Ninja; debuggers; Kodi;
/// editors; QGIS and ArcGIS; KiCad, FreeCAD, LibreOffice; Pyodide and MicroPython; uWSGI and mod_wsgi; WeeChat.
#[rustfmt::skip]
const HOSTED: &[&str] = &[
    "FreeCAD", "FreeCADGui", "arcgisscripting", "arcpy", "awsglue", "binaryninja", "bmesh", "bpy", "bpy_extras", "cfnresponse",
    "gdb", "ghidra", "gpu_extras", "hou", "ida_bytes", "ida_funcs", "ida_hexrays", "ida_kernwin", "idaapi", "idautils", "idc",
    "js", "lldb", "machine", "maya", "micropython", "mod_wsgi", "nuke", "pcbnew", "pyodide", "pyodide_js", "qgis", "sublime",
    "sublime_plugin", "uno", "unreal", "utime", "uwsgi", "uwsgidecorators", "vim", "weechat", "xbmc", "xbmcaddon", "xbmcgui",
    "xbmcplugin", "xbmcvfs",
];

#[rustfmt::skip]
const MODULES: &[&str] = &[
    "BaseHTTPServer", "CGIHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SimpleHTTPServer",
    "SimpleXMLRPCServer", "SocketServer", "StringIO", "Tkinter", "UserDict", "UserList", "UserString", "__builtin__",
    "__future__", "__main__", "_ast", "_collections_abc", "_csv", "_ctypes", "_dummy_thread", "_io", "_socket",
    "_ssl", "_struct", "_thread", "_typeshed", "_weakref", "_winapi", "_winreg", "abc", "aifc", "annotationlib",
    "antigravity", "anydbm", "argparse", "array", "ast", "asynchat", "asyncio", "asyncore", "atexit", "audioop",
    "base64", "bdb", "binascii", "binhex", "bisect", "builtins", "bz2", "cPickle", "cProfile", "cStringIO",
    "calendar", "cgi", "cgitb", "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections", "colorsys",
    "commands", "compileall", "compression", "concurrent", "configparser", "contextlib", "contextvars", "cookielib",
    "copy", "copy_reg", "copyreg", "crypt", "csv", "ctypes", "curses", "dataclasses", "datetime", "dbhash", "dbm",
    "decimal", "difflib", "dircache", "dis", "distutils", "doctest", "dumbdbm", "dummy_threading", "email",
    "encodings", "ensurepip", "enum", "errno", "exceptions", "faulthandler", "fcntl", "filecmp", "fileinput",
    "fnmatch", "formatter", "fpformat", "fractions", "ftplib", "functools", "gc", "gdbm", "genericpath", "getopt",
    "getpass", "gettext", "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "hotshot", "html",
    "htmlentitydefs", "htmllib", "http", "httplib", "idlelib", "ihooks", "imaplib", "imghdr", "imp", "importlib",
    "inspect", "io", "ipaddress", "itertools", "json", "keyword", "lib2to3", "linecache", "locale", "logging", "lzma",
    "macpath", "mailbox", "mailcap", "marshal", "math", "md5", "mhlib", "mimetools", "mimetypes", "mimify", "mmap",
    "modulefinder", "msilib", "msvcrt", "multifile", "multiprocessing", "mutex", "netrc", "new", "nis", "nntplib",
    "nt", "ntpath", "nturl2path", "numbers", "opcode", "operator", "optparse", "os", "os2emxpath", "ossaudiodev",
    "parser", "pathlib", "pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform", "plistlib", "popen2",
    "poplib", "posix", "posixpath", "pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc",
    "pydoc_data", "pyexpat", "queue", "quopri", "random", "re", "readline", "repr", "reprlib", "resource", "rexec",
    "rfc822", "rlcompleter", "robotparser", "runpy", "sched", "secrets", "select", "selectors", "sets", "sgmllib",
    "sha", "shelve", "shlex", "shutil", "signal", "site", "smtpd", "smtplib", "sndhdr", "socket", "socketserver",
    "spwd", "sqlite3", "sre", "sre_compile", "sre_constants", "sre_parse", "ssl", "stat", "statistics", "statvfs",
    "string", "stringold", "stringprep", "strop", "struct", "subprocess", "sunau", "sunaudio", "symbol", "symtable",
    "sys", "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile", "termios", "textwrap", "this",
    "thread", "threading", "time", "timeit", "tkFileDialog", "tkMessageBox", "tkSimpleDialog", "tkinter", "token",
    "tokenize", "tomllib", "trace", "traceback", "tracemalloc", "ttk", "tty", "turtle", "turtledemo", "types",
    "typing", "unicodedata", "unittest", "urllib", "urllib2", "urlparse", "user", "uu", "uuid", "venv", "warnings",
    "wave", "weakref", "webbrowser", "whichdb", "winreg", "winsound", "wsgiref", "xdrlib", "xml", "xmllib", "xmlrpc",
    "xmlrpclib", "zipapp", "zipfile", "zipimport", "zlib", "zoneinfo",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_answers() {
        assert!(MODULES.is_sorted() && HOSTED.is_sorted());
        assert!(is_given_by_host("cfnresponse") && !is_given_by_host("cfn"));
        for (module, expected) in [
            ("os.path", true),
            ("tomllib", true),
            ("urllib2", true),
            ("annotationlib", true),
            ("yaml", false),
            ("osx", false),
        ] {
            assert_eq!(contains(module), expected, "{module}");
        }
    }
}
