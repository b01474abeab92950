# bash completion for viv(1)

_viv_machines() {
    local IFS=$'\n' quoted
    # Names may hold spaces and quotes; printf %q makes them one word each.
    mapfile -t COMPREPLY < <(viv list --names 2>/dev/null | while read -r name; do
        printf -v quoted '%q' "$name"
        [[ $quoted == "$cur"* || $name == "$cur"* ]] && printf '%s\n' "$quoted"
    done)
}

_viv_snapshots() {
    local IFS=$'\n' name=${1//[\\\"\']/} # without its quoting
    mapfile -t COMPREPLY < <(compgen -W "$(viv snapshot list --json "$name" 2>/dev/null |
        sed -n 's/^ *"id": "\(.*\)",$/\1/p')" -- "$cur")
}

_viv() {
    local cur prev words cword
    _init_completion -n : || return

    local commands="create list info set start stop pause resume reset delete rename screenshot screen
        type key media drive serial log wait run vnc disk snapshot save clone fork template"
    local hardware="--memory --cpus --cdrom --disk --disk-bus --disk-format --kernel --initrd --append --module --serial --nic
        --vnc --vnc-password --firmware --accelerator --video-memory --boot --guest-type --boot-menu
        --no-boot-menu --rtc-local-time --rtc-utc --exit-device --no-exit-device"
    local disk_commands="create info check convert resize compact rebase commit map compare"
    local drive_commands="attach detach set"
    local snapshot_commands="take list restore delete set show timeline"
    local command=${words[1]}
    [[ $command == disk && $cword -gt 2 ]] && command="disk ${words[2]}"
    [[ $command == drive && $cword -gt 2 ]] && command="drive ${words[2]}"
    [[ $command == snapshot && $cword -gt 2 ]] && command="snapshot ${words[2]}"

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
        return
    fi

    case $prev in
    --cdrom | --disk | --kernel | --initrd | --module | --backing)
        _filedir
        return
        ;;
    --folder)
        _filedir -d
        return
        ;;
    --firmware)
        mapfile -t COMPREPLY < <(compgen -W "bios uefi" -- "$cur")
        return
        ;;
    --format | --source-format | --backing-format)
        local formats="raw qcow2"
        [[ $prev == --source-format || $command == "disk info" ]] && formats+=" vmdk vdi vhd vhdx"
        mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$cur")
        return
        ;;
    --preallocation)
        mapfile -t COMPREPLY < <(compgen -W "off metadata falloc full" -- "$cur")
        return
        ;;
    --repair)
        mapfile -t COMPREPLY < <(compgen -W "leaks all" -- "$cur")
        return
        ;;
    --cache)
        mapfile -t COMPREPLY < <(compgen -W "writeback writethrough direct" -- "$cur")
        return
        ;;
    --on-error | --on-full)
        mapfile -t COMPREPLY < <(compgen -W "report stop ignore" -- "$cur")
        return
        ;;
    --disk-bus | --bus)
        mapfile -t COMPREPLY < <(compgen -W "sata nvme virtio" -- "$cur")
        return
        ;;
    --disk-format)
        mapfile -t COMPREPLY < <(compgen -W "raw qcow2" -- "$cur")
        return
        ;;
    --accelerator)
        mapfile -t COMPREPLY < <(compgen -W "auto kvm software" -- "$cur")
        return
        ;;
    --boot)
        mapfile -t COMPREPLY < <(compgen -W "optical,disk disk,optical optical disk" -- "$cur")
        return
        ;;
    --vnc)
        mapfile -t COMPREPLY < <(compgen -W "on off unix:" -- "$cur")
        return
        ;;
    --serial)
        if [[ $command != wait ]]; then
            local modes="console none file: socket:"
            [[ $command == run ]] && modes+=" stdio"
            mapfile -t COMPREPLY < <(compgen -W "$modes" -- "$cur")
        fi
        return
        ;;
    --nic)
        mapfile -t COMPREPLY < <(compgen -W "none unattached unattached,mac=" -- "$cur")
        return
        ;;
    --mac)
        mapfile -t COMPREPLY < <(compgen -W "new keep" -- "$cur")
        return
        ;;
    --state)
        mapfile -t COMPREPLY < <(compgen -W "powered-off starting running paused saved aborted stopping" \
            -- "$cur")
        return
        ;;
    --memory | --cpus | --append | --vnc-password | --video-memory | --guest-type | --group | --tag | \
        --every | --keep-all | --keep-hourly | --keep-daily | --description | --snapshot | --count | --name | \
        --notes | --disk-size | --cluster-size | --timeout | --screen | --port | --delay | --hold)
        return
        ;;
    esac

    if [[ $cur == -* ]]; then
        local options
        case $command in
        create) options="--group --tag --notes --folder --disk-size --preallocate --json $hardware" ;;
        list) options="--group --tag --names --json" ;;
        set) options="--group --tag --notes $hardware" ;;
        start) options="--headless" ;;
        stop) options="--force" ;;
        delete) options="--keep-files" ;;
        type) options="--enter --delay" ;;
        key) options="--hold" ;;
        media) options="--port --force" ;;
        serial) options="--port --read-only" ;;
        log) options="--follow --events --json" ;;
        wait) options="--screen --serial --state --timeout --port" ;;
        run) options="--timeout $hardware" ;;
        info | screen | screenshot | vnc) options="--json" ;;
        "disk create")
            options="--format --cluster-size --preallocation --backing --backing-format --json"
            ;;
        "disk info") options="--format --chain --json" ;;
        "disk check") options="--format --repair --json" ;;
        "disk convert")
            options="--format --source-format --compress --cluster-size --preallocation --json"
            ;;
        "disk resize") options="--format --shrink --json" ;;
        "disk compact" | "disk map") options="--format --json" ;;
        "disk rebase") options="--backing --backing-format --no-backing --name-only --json" ;;
        "disk commit") options="--json" ;;
        "disk compare") options="--ignore-size --json" ;;
        "drive attach")
            options="--optical --bus --port --format --cache --on-error --on-full --read-only --writable"
            ;;
        "drive detach") options="--force" ;;
        "drive set") options="--cache --on-error --on-full --read-only --writable" ;;
        "snapshot take") options="--description --json" ;;
        "snapshot list" | "snapshot show" | "snapshot restore") options="--json" ;;
        "snapshot delete") options="--children --json" ;;
        "snapshot set") options="--title --description --json" ;;
        "snapshot timeline")
            options="--every --off --keep-all --keep-hourly --keep-daily --follow --json"
            ;;
        save) options="--discard --json" ;;
        clone) options="--snapshot --linked --mac --json" ;;
        fork) options="--count --name --json" ;;
        template) options="--off --json" ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$cur")
        return
    fi

    case $command in
    disk) mapfile -t COMPREPLY < <(compgen -W "$disk_commands" -- "$cur") ;;
    "disk "*) _filedir ;;
    drive) mapfile -t COMPREPLY < <(compgen -W "$drive_commands" -- "$cur") ;;
    "drive "*) if ((cword == 3)); then _viv_machines; else _filedir; fi ;;
    snapshot) mapfile -t COMPREPLY < <(compgen -W "$snapshot_commands" -- "$cur") ;;
    "snapshot restore" | "snapshot delete" | "snapshot show")
        if ((cword == 3)); then _viv_machines; else _viv_snapshots "${words[3]}"; fi
        ;;
    "snapshot "*) ((cword == 3)) && _viv_machines ;;
    clone | fork | template) ((cword == 2)) && _viv_machines ;;
    start | stop | pause | resume | reset | delete | save)
        _viv_machines
        ;;
    info | set | rename | screen | key | type | serial | log | wait | vnc)
        ((cword == 2)) && _viv_machines
        ;;
    screenshot)
        if ((cword == 2)); then _viv_machines; else _filedir png; fi
        ;;
    media)
        case $cword in
        2) _viv_machines ;;
        3) mapfile -t COMPREPLY < <(compgen -W "insert eject" -- "$cur") ;;
        4) _filedir ;;
        esac
        ;;
    esac
}

complete -F _viv viv
