# Makes a page of swift-argument-parser's generate-manual one that man and whatis take: one word as its name, no empty lines.
/^\.Dt/ s/\./-/2g
/^\.Nm "/ {
  h
  s/^\.Nm "\(.*\)"/\1/
  s/ /-/g
  s/^/.Nm /
}
/^\.Nm$/ {
  g
  /^$/ s/^/.Nm/
}
s/^$/.Pp/
