# Completion of genopt for fish. The words come from genopt itself, so that they are those of the version that is installed.

function __genopt_command
        set -l skip 0
        for word in (commandline -opc)[2..]
                if test $skip = 1
                        set skip 0
                else
                        switch $word
                                case --set --socket --color
                                        set skip 1
                                case '-*'
                                case '*'
                                        echo $word
                                        return 0
                        end
                end
        end
        return 1
end

function __genopt_options
        set -l command (__genopt_command; or echo help)
        genopt __complete $command 2>/dev/null | string replace -r '=\t' '\t'
end

function __genopt_is
        set -l command (__genopt_command); and contains -- $command $argv
end

complete -c genopt -f
complete -c genopt -n 'not __genopt_command >/dev/null' -a '(genopt __complete 2>/dev/null)'
complete -c genopt -n 'string match -q -- "-*" (commandline -ct)' -a '(__genopt_options)'
complete -c genopt -n '__genopt_is help' -a '(genopt __complete 2>/dev/null)'
complete -c genopt -n '__genopt_is blueprint' -a 'list show check'
complete -c genopt -n '__genopt_is cache' -a 'stats trim clear verify'
complete -c genopt -n '__genopt_is key' -a 'set list remove (genopt key list 2>/dev/null)'
complete -c genopt -n '__genopt_is show explain report why attach cancel resume' -a '(genopt __complete :jobs 2>/dev/null)'
complete -c genopt -n '__genopt_is gen fix' -F
complete -c genopt -n '__genopt_is fix' -s s -l source -r -F
complete -c genopt -n '__genopt_is fix' -l report -r -F
complete -c genopt -n '__genopt_is fix' -l state -r -F
complete -c genopt -n '__genopt_is fix' -l commit -x -a 'per-file per-rule at-end'
complete -c genopt -n '__genopt_is fix' -l phase -x -a 'mechanical simple moderate hard optional'
complete -c genopt -n '__genopt_is gen attach' -s o -l output -r -F
complete -c genopt -l socket -r -F
complete -c genopt -l color -x -a 'auto always never'
complete -c genopt -n '__genopt_is ask' -s t -l tier -x -a 'fast balanced quality'
complete -c genopt -n '__genopt_is report' -s f -l format -x -a 'text json html'
complete -c genopt -n '__genopt_is report' -l baseline -x -a '(genopt __complete :jobs 2>/dev/null)'
complete -c genopt -n '__genopt_is jobs' -l state -x -a 'queued planning running waiting done failed cancelled'
