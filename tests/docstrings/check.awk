# SPDX-License-Identifier: MIT
# Reads Doxygen's XML and prints "file:line: name: what its docstring lacks", one line for each public name.
#
#   * every name has a docstring. Exempt: what is defaulted or deleted, destructors, and constructors without
#     arguments (their class says what they are). Data members declared on one line share a docstring, and
#     the values of an enum may be explained in its own: `value`
#   * a function that throws, by itself or by a require_...(), says so: its docstring holds "Throws" or "Error"
#   * a function of matrices or vectors says their shapes: "n x d", "rows", "columns", "length", ...

function text(line) {  # without tags and entities
  gsub(/<\/?computeroutput>/, "`", line)
  gsub(/<[^>]*>/, "", line)
  gsub(/&lt;/, "<", line)
  gsub(/&gt;/, ">", line)
  gsub(/&quot;/, "\"", line)
  gsub(/&apos;/, "'", line)
  gsub(/&amp;/, "\\&", line)
  gsub(/^ +| +$/, "", line)
  return line
}
function attribute(line, name) {
  if (!match(line, " " name "=\"[^\"]*\"")) return ""
  line = substr(line, RSTART, RLENGTH)
  sub(/^[^"]*"/, "", line)
  sub(/"$/, "", line)
  return line
}
function begin(item_kind, item_protection, level) {
  kind[level] = item_kind
  protection[level] = item_protection
  name[level] = arguments[level] = docs[level] = types[level] = where[level] = ""
  first[level] = last[level] = 0
  top = level
}
function store(level) {
  if (protection[level] != "" && protection[level] != "public") return
  count++
  the_kind[count] = kind[level]
  the_name[count] = level == 1 || kind[level] == "define" ? name[level] : scope() name[level]
  the_owner[count] = name[1]
  the_arguments[count] = arguments[level]
  the_docs[count] = docs[level]
  the_types[count] = types[level]
  the_place[count] = level == 3 ? where[2] : where[level]
  the_first[count] = first[level]
  the_last[count] = last[level]
  the_file[count] = body_file[level]
}
function scope() { return (kind[1] == "file" ? "" : name[1] "::") (top == 3 ? name[2] "::" : "") }
function throws(file, from, to,    line, number, found) {
  if (to < from) to = from
  if (!(file in source_read)) {
    source_read[file] = 1
    number = 0
    while ((getline line < file) > 0) source[file, ++number] = line
    close(file)
  }
  for (number = from; number <= to; number++) {
    line = source[file, number]
    sub(/\/\/.*/, "", line)
    if (line ~ /(^|[^A-Za-z_])(throw [A-Za-z]|require_[a-z_]*\()/ && line !~ /^ *(inline )?(static )?void require_/) found = 1
  }
  return found
}
function constructor(i,    parts, n) {
  n = split(the_name[i], parts, "::")
  return n > 1 && parts[n] == parts[n - 1]
}
function shared(i) {
  return the_kind[i] == "enum value" ? the_name[i] : the_kind[i] == "variable" ? the_owner[i] " " the_place[i] : ""
}
function problem(i, message) {
  printf "%s: %s: %s\n", the_place[i], the_name[i] (the_kind[i] == "function" ? the_arguments[i] : ""), message
}

/<compounddef / { begin(attribute($0, "kind"), attribute($0, "prot"), 1) }
/<memberdef / {
  skip = attribute($0, "id") in seen
  seen[attribute($0, "id")] = 1
  begin(attribute($0, "kind"), attribute($0, "prot"), 2)
}
/<enumvalue / { begin("enum value", "public", 3) }
/<compoundname>/ { name[1] = text($0) }
/^ *<name>/ && top > 1 { name[top] = text($0) }
/^ *<argsstring>/ && top > 1 { arguments[top] = text($0) }
/^ *<type>/ && top > 1 { types[top] = types[top] " " text($0) }
/<(brief|detailed)description>/ { inside = 1 }
inside { docs[top] = docs[top] " " text($0) }
/<\/(brief|detailed)description>/ { inside = 0 }
/<location / {
  where[top] = attribute($0, "file") ":" attribute($0, "line")
  body_file[top] = attribute($0, "bodyfile")
  first[top] = attribute($0, "bodystart") + 0
  last[top] = attribute($0, "bodyend") + 0
}
/<\/enumvalue>/ { if (!skip) { pending++; pending_name[pending] = name[3]; pending_docs[pending] = docs[3] } top = 2 }
/<\/memberdef>/ {
  if (!skip) {
    store(2)
    for (p = 1; p <= pending; p++) {
      begin("enum value", protection[2], 3)
      name[3] = pending_name[p]
      docs[3] = pending_docs[p]
      store(3)
    }
  }
  pending = 0
  skip = 0
  top = 1
}
/<\/compounddef>/ {
  if (protection[1] == "private") hidden[name[1]] = 1
  if (kind[1] ~ /^(class|struct|union|concept|namespace)$/) store(1)
}

END {
  for (i = 1; i <= count; i++) {
    if (the_docs[i] !~ /[A-Za-z0-9]/) continue
    if (the_kind[i] == "variable") explained[shared(i)] = 1
    if (the_kind[i] != "enum") continue
    n = split(the_docs[i], words, "`")
    for (w = 2; w <= n; w += 2) explained[the_name[i] "::" words[w]] = 1
  }
  for (i = 1; i <= count; i++) {
    shown = the_kind[i] != "friend" || the_arguments[i] != ""
    for (h in hidden)
      if (the_owner[i] == h || index(the_owner[i], h "::") == 1) shown = 0
    if (the_arguments[i] ~ /= *(default|delete) *$/ || the_name[i] ~ /::~/) shown = 0
    if (the_place[i] ~ /^\[generated\]/) shown = 0
    if (the_kind[i] == "function" && the_arguments[i] ~ /^\(\)/ && constructor(i)) shown = 0
    if (!shown) continue
    names++
    if (the_docs[i] !~ /[A-Za-z0-9]/ && !(shared(i) in explained)) {
      problem(i, "no docstring")
      continue
    }
    if (the_kind[i] != "function") continue
    if (the_docs[i] !~ /Throws|Error/ && throws(the_file[i], the_first[i], the_last[i]))
      problem(i, "it throws, and its docstring does not say what and when (\"Throws Error when ...\")")
    if (the_types[i] ~ /(Matrix|Vector|Ref<|DataRef|MatrixBase)/ && the_docs[i] !~ shapes)
      problem(i, "it takes or returns matrices, and its docstring does not say their shapes (\"n x d\", \"rows\", ...)")
  }
  printf "%d public names\n", names > "/dev/stderr"
}
BEGIN { shapes = "[A-Za-z0-9)] x [A-Za-z0-9(]|[Rr]ows?|[Cc]olumns?|[Ss]hape|[Ll]ength|[Ee]ntr(y|ies)|per sample|same size|n_" }
