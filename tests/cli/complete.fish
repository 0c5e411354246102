# Prints what fish completes: complete.fish SCRIPT PROGRAM LINE ... One line of candidates for each.
source $argv[1]
for line in $argv[3..]
    # Without the descriptions.
    echo (complete -C "$line" | string replace -r '\t.*' '')
end
