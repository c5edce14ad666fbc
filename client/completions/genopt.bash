# Completion of genopt for bash. The words come from genopt itself, so that they are those of the version that is installed.

_genopt() {
        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i
        local IFS=$'\n'
        COMPREPLY=()
        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                --set | --socket | --color) ((i++)) ;;
                -*) ;;
                *)
                        command=${COMP_WORDS[i]}
                        break
                        ;;
                esac
        done
        case $before in
        --socket | --output | -o | --source | -s | --report)
                compopt -o filenames 2>/dev/null
                COMPREPLY=($(compgen -f -- "$word"))
                return
                ;;
        --color) COMPREPLY=($(compgen -W $'auto\nalways\nnever' -- "$word")) && return ;;
        --tier | -t) COMPREPLY=($(compgen -W $'fast\nbalanced\nquality' -- "$word")) && return ;;
        --format | -f) COMPREPLY=($(compgen -W $'text\njson\nhtml' -- "$word")) && return ;;
        --baseline) COMPREPLY=($(compgen -W "$(genopt __complete :jobs 2>/dev/null | cut -f1)" -- "$word")) && return ;;
        --commit) COMPREPLY=($(compgen -W $'per-file\nper-rule\nat-end' -- "$word")) && return ;;
        --phase) COMPREPLY=($(compgen -W $'mechanical\nsimple\nmoderate\nhard\noptional' -- "$word")) && return ;;
        --state)
                if [[ $command == fix ]]; then
                        compopt -o filenames 2>/dev/null
                        COMPREPLY=($(compgen -f -- "$word"))
                        return
                fi
                COMPREPLY=($(compgen -W $'queued\nplanning\nrunning\nwaiting\ndone\nfailed\ncancelled' -- "$word")) && return
                ;;
        esac
        if [[ $word == -* ]]; then
                COMPREPLY=($(compgen -W "$(genopt __complete ${command:+"$command"} 2>/dev/null | cut -f1 | grep '^-' | tr -d =)" -- "$word"))
                [[ $command ]] || COMPREPLY=($(compgen -W "$(genopt __complete help 2>/dev/null | cut -f1 | tr -d =)" -- "$word"))
                return
        fi
        case $command in
        '') COMPREPLY=($(compgen -W "$(genopt __complete 2>/dev/null | cut -f1)" -- "$word")) ;;
        help) COMPREPLY=($(compgen -W "$(genopt __complete 2>/dev/null | cut -f1)" -- "$word")) ;;
        blueprint) COMPREPLY=($(compgen -W $'list\nshow\ncheck' -- "$word")) ;;
        cache) COMPREPLY=($(compgen -W $'stats\ntrim\nclear\nverify' -- "$word")) ;;
        key)
                case $before in
                key) COMPREPLY=($(compgen -W $'set\nlist\nremove' -- "$word")) ;;
                set | remove) COMPREPLY=($(compgen -W "$(genopt key list 2>/dev/null)" -- "$word")) ;;
                esac
                ;;
        show | explain | report | attach | cancel | resume) COMPREPLY=($(compgen -W "$(genopt __complete :jobs 2>/dev/null | cut -f1)" -- "$word")) ;;
        why)
                compopt -o filenames 2>/dev/null
                COMPREPLY=($(compgen -f -- "$word") $(compgen -W "$(genopt __complete :jobs 2>/dev/null | cut -f1)" -- "$word"))
                ;;
        gen | fix)
                compopt -o filenames 2>/dev/null
                COMPREPLY=($(compgen -f -- "$word"))
                ;;
        esac
}

complete -F _genopt genopt
