# Doxygen's dialect of our Markdown: every page is known by the name of its file, every heading by page-heading as code
# hosts do it, and links between them become references.
function slug(text) {
  text = tolower(text)
  gsub(/[^a-z0-9 _-]/, "", text)
  gsub(/ /, "-", text)
  return text
}
FNR == 1 {
  page = FILENAME
  sub(/.*\//, "", page)
  sub(/\.md$/, "", page)
  main = page == "README"
}
/^```/ { code = !code; sub(/^```cpp/, "```{.cpp}"); sub(/^```sh/, "```{.sh}"); sub(/^```json/, "```{.js}"); print; next }
code { print; next }
/^# / { print main ? $0 : $0 " {#" page "}"; next }
/^##+ / { title = $0; sub(/^#+ */, "", title); print $0 " {#" page "-" slug(title) "}"; next }
{
  line = $0; out = ""
  while (match(line, /\]\([^)]*\)/)) {
    target = substr(line, RSTART + 2, RLENGTH - 3)
    text = substr(line, 1, RSTART)
    sub(/\.md\]$/, "]", text)
    out = out text
    line = substr(line, RSTART + RLENGTH)
    if (target ~ /^https?:/ || target ~ /\.svg$/) { sub(/.*pictures\//, "", target) }
    else if (target ~ /\.md(#.*)?$/) {
      file = anchor = target
      sub(/#.*/, "", file); sub(/.*\//, "", file); sub(/\.md$/, "", file)
      if (anchor ~ /#/) sub(/.*#/, "", anchor); else anchor = ""
      if (target ~ /examples\//) { out = substr(out, 1, length(out)); target = "" }
      else if (file == "README") target = anchor == "" ? "index.html" : "@ref README-" anchor
      else target = "@ref " file (anchor == "" ? "" : "-" anchor)
    }
    else if (target ~ /^#/) { sub(/^#/, "", target); target = "@ref " page "-" target }
    out = out (target == "" ? "" : "(" target ")")
  }
  line = out line
  # Doubled, because here a quotation mark ends a code span with single ticks.
  if (line !~ /``/) gsub(/`/, "``", line)
  print line
}
